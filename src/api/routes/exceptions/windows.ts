import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { windowState } from '../../../domain/exceptions/windows.ts'
import { approveWindow, cancelWindow, rejectWindow } from '../../../operations/exceptions/decide-window.ts'
import { requestWindow } from '../../../operations/exceptions/request-window.ts'
import { required } from '../../../runtime/required.ts'
import type { Caller } from '../../../store/access/keys.ts'
import type { StoredWindow } from '../../../store/exceptions/windows.ts'
import type { ServerParts, View } from '../../context.ts'
import { optionalBody } from '../../http/optional-body.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { EndReason, IdempotencyKey, pageOf } from '../../openapi/schemas.ts'
import { splitEnd, withDecisionRefusals } from './decisions.ts'
import { Approval, Rejection, Window, WindowParams, WindowQuery, WindowRequest } from './schemas.ts'

export const windowRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'enqueueReprobe'>> = async (app, parts) => {
  const find = async ({ view, caller }: Viewer, id: string) => {
    const window = await view.stores.windows.find(id)
    if (!window) throw new NotFoundError(`there is no window ${id}`)
    return required((await showAll({ view, caller }, [window], view.now()))[0], 'the window')
  }

  app.post(
    '/windows',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'createWindow',
        tags: ['windows'],
        summary: 'Request a window',
        description: 'The window opens at its time, if another key has approved it.',
        headers: Type.Object(IdempotencyKey),
        body: WindowRequest,
        response: { 201: Window, ...problems(413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'], now: view.now() }
      const times = { from: new Date(body.from), to: new Date(body.to) }
      const id = await requestWindow(view, { ...body, ...times, params: body.params ?? {} }, requester)
      return reply
        .code(201)
        .header('location', `/v1/windows/${id}`)
        .send(await find({ view, caller }, id))
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
        description: 'Newest first.',
        querystring: WindowQuery,
        response: { 200: pageOf(Window), ...problems() },
      },
    },
    async ({ query: { expiresBefore, ...query }, url, view, caller }, reply) => {
      const now = view.now()
      const ends = expiresBefore === undefined ? {} : { expiresBefore: new Date(expiresBefore) }
      const page = await view.stores.windows.list({ ...query, ...ends, now })
      return linkNext(reply, url, { ...page, items: await showAll({ view, caller }, page.items, now) })
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
        params: WindowParams,
        response: { 200: Window, ...problems(404) },
      },
    },
    async ({ params: { id }, view, caller }) => find({ view, caller }, id),
  )

  app.post(
    '/windows/:id/approve',
    {
      config: { scope: 'windows:approve', limited: true },
      preValidation: optionalBody,
      schema: {
        operationId: 'approveWindow',
        tags: ['windows'],
        summary: 'Approve a window',
        description:
          'Another person than the one who requested the window must approve it, with another key, unless the policy sets `windows: {selfApproval: true}`. Keys that one person at an issuer created count as that person.',
        params: WindowParams,
        body: Approval,
        response: { 200: Window, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params: { id }, body, caller, view }) => {
      await approveWindow({ ...parts, ...view }, { id, actor: caller.keyId, now: view.now(), reason: body.reason })
      return find({ view, caller }, id)
    },
  )

  app.post(
    '/windows/:id/reject',
    {
      config: { scope: 'windows:approve', limited: true },
      schema: {
        operationId: 'rejectWindow',
        tags: ['windows'],
        summary: 'Reject a window',
        description:
          'The window never opens. Those who may approve it may reject it; its requester cancels it instead.',
        params: WindowParams,
        body: Rejection,
        response: { 200: Window, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params: { id }, body: { reason }, caller, view }) => {
      await rejectWindow(view, { id, actor: caller.keyId, now: view.now(), reason })
      return find({ view, caller }, id)
    },
  )

  app.post(
    '/windows/:id/cancel',
    {
      config: { scope: ['audits:run', 'windows:approve'], limited: true },
      preValidation: optionalBody,
      schema: {
        operationId: 'cancelWindow',
        tags: ['windows'],
        summary: 'Cancel a window',
        description: 'Ends an open window early; an audit then proves that the exposure is closed.',
        params: WindowParams,
        body: EndReason,
        response: { 200: Window, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params: { id }, body, caller, view }) => {
      await cancelWindow({ ...parts, ...view }, { id, actor: caller.keyId, now: view.now(), reason: body.reason })
      return find({ view, caller }, id)
    },
  )
}

interface Viewer {
  view: View
  caller: Caller
}

async function showAll({ view: { stores }, caller }: Viewer, windows: readonly StoredWindow[], now: Date) {
  const named = await withActorNames(
    stores,
    windows.map((window) => show(window, now)),
    ['requestedBy', 'approvedBy', 'rejectedBy', 'canceledBy'],
  )
  return withDecisionRefusals(stores, caller, { kind: 'window', items: named })
}

function show(window: StoredWindow, now: Date) {
  const { from, to, approvedAt, createdAt, provenAt, reprobeAuditId, targetScope: _, ...more } = window
  const { rejected, canceledBy, canceledAt, ...rest } = more
  const [rejection, cancellation] = splitEnd({ rejected, by: canceledBy, at: canceledAt })
  return {
    ...rest,
    state: windowState(window, now),
    from: from.toISOString(),
    to: to.toISOString(),
    approvedAt: approvedAt?.toISOString() ?? null,
    rejectedBy: rejection.by,
    rejectedAt: rejection.at,
    canceledBy: cancellation.by,
    canceledAt: cancellation.at,
    reprobe: reprobeAuditId,
    provenAt: provenAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
