import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { windowState } from '../../../domain/exceptions/windows.ts'
import { approveWindow, cancelWindow } from '../../../operations/exceptions/decide-window.ts'
import { requestWindow } from '../../../operations/exceptions/request-window.ts'
import { required } from '../../../runtime/required.ts'
import type { Stores } from '../../../store/db/stores.ts'
import type { StoredWindow } from '../../../store/exceptions/windows.ts'
import type { ServerParts, View } from '../../context.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { IdempotencyKey, pageOf } from '../../openapi/schemas.ts'
import { Window, WindowParams, WindowQuery, WindowRequest } from './schemas.ts'

export const windowRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'enqueueReprobe'>> = async (app, parts) => {
  const find = async ({ stores, now }: View, id: string) => {
    const window = await stores.windows.find(id)
    if (!window) throw new NotFoundError(`there is no window ${id}`)
    return required((await showAll(stores, [window], now()))[0], 'the window')
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
        description: 'Newest first.',
        querystring: WindowQuery,
        response: { 200: pageOf(Window), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const now = view.now()
      const page = await view.stores.windows.list({ ...query, now })
      return linkNext(reply, url, { ...page, items: await showAll(view.stores, page.items, now) })
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
          'Another key than the one that requested the window must approve it, unless the policy sets `windows: {selfApproval: true}`.',
        params: WindowParams,
        response: { 200: Window, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, caller, view }) => {
      await approveWindow({ ...parts, ...view }, { id, actor: caller.keyId, now: view.now() })
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
        description: 'Ends an open window early; an audit then proves that the exposure is closed.',
        params: WindowParams,
        response: { 200: Window, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, caller, view }) => {
      await cancelWindow({ ...parts, ...view }, { id, actor: caller.keyId, now: view.now() })
      return find(view, id)
    },
  )
}

const showAll = (stores: Stores, windows: readonly StoredWindow[], now: Date) =>
  withActorNames(
    stores,
    windows.map((window) => show(window, now)),
    ['requestedBy', 'approvedBy', 'canceledBy'],
  )

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
