import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { v7 as newUuid } from 'uuid'
import { NotFoundError } from '../../../domain/errors.ts'
import { proofs, windowState, windowStates } from '../../../domain/exceptions/windows.ts'
import { nameSchema } from '../../../domain/policy/policy.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import { approveWindow, cancelWindow, requestWindow } from '../../../operations/exceptions/windows.ts'
import type { StoredWindow } from '../../../store/exceptions/windows.ts'
import type { ServerParts, View } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import {
  closedObject,
  IdempotencyKey,
  nullable,
  PageQuery,
  pageOf,
  problems,
  Timestamp,
} from '../../openapi/schemas.ts'
import { AuditRequest } from '../audits/schemas.ts'
import { TargetName } from '../targets/schemas.ts'
import { IdParams, key, permissionFields } from './waivers.ts'

const fields = {
  ...permissionFields,
  from: Type.String({ format: 'date-time', examples: ['2026-11-22T09:00:00Z'] }),
  to: Type.String({ format: 'date-time', description: 'At most seven days after `from`' }),
  ticket: Type.String({ minLength: 1, maxLength: 200, examples: ['CHG0030003'] }),
  reason: Type.String({ minLength: 1, maxLength: 1000, examples: ['The vendor looks into the update that fails'] }),
}
const { params } = AuditRequest.properties

export const Window = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    state: Type.Enum([...windowStates], {
      description:
        '`open` while rules expect what they expect inside a window. After its end an audit proves that the door is shut again: `closed`; while it is not, `still-open`, and it is looked again after a minute, two, four, up to an hour. `ended`: nothing is proven yet. `lapsed`: nobody approved it in time',
    }),
    ...fields,
    params: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
    requestedBy: Type.String({ description: 'Id of the key that asked for it, or `oidc:SUB` of a token' }),
    approvedBy: key('approved'),
    approvedAt: nullable(Timestamp),
    canceledBy: key('canceled'),
    canceledAt: nullable(Timestamp),
    reprobes: Type.Integer({
      minimum: 0,
      description: 'How often it was looked, after its end, whether its door is shut',
    }),
    reprobe: nullable(Type.String({ format: 'uuid', description: 'The newest of these audits' })),
    proof: nullable(
      Type.Enum([...proofs], {
        description:
          'What the newest of them that has ended has shown; `unproven`: not everything could be seen; `nothing-to-see`: the rules apply to none of the targets any more',
      }),
    ),
    provenAt: nullable(Timestamp),
    createdAt: Timestamp,
  },
  { $id: 'Window', title: 'Window', description: 'A time-boxed, ticketed permission for an exposure' },
)
const WindowRequest = closedObject(
  { ...fields, params },
  { $id: 'WindowRequest', description: '`params` are those of the audit after its end' },
)

export const windowRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'enqueuePlan' | 'enqueueReprobe'>> = async (
  app,
  parts,
) => {
  const missing = (id: string) => new NotFoundError(`there is no window ${id}`)
  const find = async ({ stores }: View, id: string) => {
    const window = await stores.windows.find(id)
    if (!window) throw missing(id)
    return show(window, new Date())
  }

  app.post(
    '/windows',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'createWindow',
        tags: ['windows'],
        summary: 'Request a window',
        description: 'It opens when its time has come and another key has approved it.',
        headers: Type.Object(IdempotencyKey),
        body: WindowRequest,
        response: { 201: Window, ...problems(413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const now = new Date()
      const requestedBy = caller.keyId
      const id = await view.transaction(async (tx) => {
        const id = newUuid()
        const claim = { idempotencyKey: headers['idempotency-key'], requestedBy, request: body, resource: id }
        const made = await claimOnce(tx, claim)
        if (made !== id) return made
        const times = { from: new Date(body.from), to: new Date(body.to) }
        await requestWindow(tx, { ...body, ...times, params: body.params ?? {}, id, requestedBy }, now)
        return id
      })
      return reply
        .code(201)
        .header('location', `/v1/windows/${id}`)
        .send(await find(view, id))
    },
  )

  app.get(
    '/windows',
    {
      config: { scope: ['reports:read', 'audits:run', 'windows:approve'], limited: true },
      schema: {
        operationId: 'listWindows',
        tags: ['windows'],
        summary: 'List windows',
        querystring: closedObject({
          policy: Type.Optional(nameSchema('A policy')),
          state: Type.Optional(Type.Enum([...windowStates])),
          rule: Type.Optional(nameSchema('A rule that it is for')),
          target: Type.Optional(TargetName),
          ticket: Type.Optional(fields.ticket),
          ...PageQuery,
        }),
        response: { 200: pageOf(Window), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const now = new Date()
      const page = await view.stores.windows.list({ ...query, now })
      return linkNext(reply, url, { ...page, items: page.items.map((window) => show(window, now)) })
    },
  )

  app.get(
    '/windows/:id',
    {
      config: { scope: ['reports:read', 'audits:run', 'windows:approve'], limited: true },
      schema: {
        operationId: 'getWindow',
        tags: ['windows'],
        summary: 'Get a window',
        params: IdParams,
        response: { 200: Window, ...problems(404) },
      },
    },
    async ({ params: { id }, view }) => find(view, id),
  )

  app.post(
    '/windows/:id/approve',
    {
      config: { scope: 'windows:approve', limited: true },
      schema: {
        operationId: 'approveWindow',
        tags: ['windows'],
        summary: 'Approve a window',
        description:
          'By another key than the one that asked for it, unless the policy says `windows: {selfApproval: true}`.',
        params: IdParams,
        response: { 200: Window, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, caller, view }) => {
      if (!(await approveWindow({ ...parts, ...view }, { id, keyId: caller.keyId, now: new Date() }))) throw missing(id)
      return find(view, id)
    },
  )

  app.post(
    '/windows/:id/cancel',
    {
      config: { scope: ['audits:run', 'windows:approve'], limited: true },
      schema: {
        operationId: 'cancelWindow',
        tags: ['windows'],
        summary: 'Cancel a window',
        description: 'If it is open, an audit looks at once whether the door is shut.',
        params: IdParams,
        response: { 200: Window, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, caller, view }) => {
      if (!(await cancelWindow({ ...parts, ...view }, { id, keyId: caller.keyId, now: new Date() }))) throw missing(id)
      return find(view, id)
    },
  )
}

function show(window: StoredWindow, now: Date) {
  const { from, to, approvedAt, canceledAt, createdAt, provenAt, reprobeAuditId, targetScope: _, ...rest } = window
  return {
    ...rest,
    state: windowState(window, now),
    from: from.toISOString(),
    to: to.toISOString(),
    approvedAt: approvedAt?.toISOString() ?? null,
    canceledAt: canceledAt?.toISOString() ?? null,
    reprobe: reprobeAuditId,
    provenAt: provenAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
