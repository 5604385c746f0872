import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { waiverState } from '../../../domain/exceptions/waivers.ts'
import { approveWaiver, rejectWaiver, revokeWaiver } from '../../../operations/exceptions/decide-waiver.ts'
import { requestWaiver } from '../../../operations/exceptions/request-waiver.ts'
import { findWaiver } from '../../../operations/exceptions/waiver.ts'
import { required } from '../../../runtime/required.ts'
import type { Caller } from '../../../store/access/keys.ts'
import type { StoredWaiver } from '../../../store/exceptions/waivers.ts'
import type { View } from '../../context.ts'
import { optionalBody } from '../../http/optional-body.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { EndReason, IdempotencyKey, pageOf } from '../../openapi/schemas.ts'
import { splitEnd, withDecisionRefusals } from './decisions.ts'
import { Approval, Rejection, Waiver, WaiverParams, WaiverQuery, WaiverRequest } from './schemas.ts'

export const waiverRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/waivers',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'createWaiver',
        tags: ['waivers'],
        summary: 'Request a waiver',
        description: 'The waiver takes effect when another person approves it, with another key.',
        headers: Type.Object(IdempotencyKey),
        body: WaiverRequest,
        response: { 201: Waiver, ...problems(413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const now = view.now()
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'], now }
      const waiver = await requestWaiver(view, { ...body, expiresAt: new Date(body.expiresAt) }, requester)
      return reply
        .code(201)
        .header('location', `/v1/waivers/${waiver.id}`)
        .send(await show({ view, caller }, waiver, now))
    },
  )

  app.get(
    '/waivers',
    {
      config: { scope: ['reports:read', 'audits:run', 'waivers:approve'], limited: true },
      schema: {
        operationId: 'listWaivers',
        tags: ['waivers'],
        summary: 'List waivers',
        description: 'Newest first.',
        querystring: WaiverQuery,
        response: { 200: pageOf(Waiver), ...problems() },
      },
    },
    async ({ query: { expiresBefore, ...query }, url, view, caller }, reply) => {
      const now = view.now()
      const ends = expiresBefore === undefined ? {} : { expiresBefore: new Date(expiresBefore) }
      const page = await view.stores.waivers.list({ ...query, ...ends, now })
      return linkNext(reply, url, { ...page, items: await showAll({ view, caller }, page.items, now) })
    },
  )

  app.get(
    '/waivers/:id',
    {
      config: { scope: ['reports:read', 'audits:run', 'waivers:approve'], limited: true },
      schema: {
        operationId: 'getWaiver',
        tags: ['waivers'],
        summary: 'Get a waiver',
        params: WaiverParams,
        response: { 200: Waiver, ...problems(404) },
      },
    },
    async ({ params, view, caller }) => show({ view, caller }, await findWaiver(view.stores, params.id), view.now()),
  )

  app.post(
    '/waivers/:id/approve',
    {
      config: { scope: 'waivers:approve', limited: true },
      preValidation: optionalBody,
      schema: {
        operationId: 'approveWaiver',
        tags: ['waivers'],
        summary: 'Approve a waiver',
        description:
          'Another person than the one who requested the waiver must approve it, with another key. Keys that one person at an issuer created count as that person.',
        params: WaiverParams,
        body: Approval,
        response: { 200: Waiver, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params: { id }, body, caller, view }) => {
      const now = view.now()
      const decision = { id, actor: caller.keyId, now, reason: body.reason }
      return show({ view, caller }, await approveWaiver(view, decision), now)
    },
  )

  app.post(
    '/waivers/:id/reject',
    {
      config: { scope: 'waivers:approve', limited: true },
      schema: {
        operationId: 'rejectWaiver',
        tags: ['waivers'],
        summary: 'Reject a waiver',
        description:
          'The waiver never takes effect. Those who may approve it may reject it; its requester revokes it instead.',
        params: WaiverParams,
        body: Rejection,
        response: { 200: Waiver, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params: { id }, body: { reason }, caller, view }) => {
      const now = view.now()
      return show({ view, caller }, await rejectWaiver(view, { id, actor: caller.keyId, now, reason }), now)
    },
  )

  app.post(
    '/waivers/:id/revoke',
    {
      config: { scope: ['audits:run', 'waivers:approve'], limited: true },
      preValidation: optionalBody,
      schema: {
        operationId: 'revokeWaiver',
        tags: ['waivers'],
        summary: 'Revoke a waiver',
        description: 'Its findings count again from the next audit on.',
        params: WaiverParams,
        body: EndReason,
        response: { 200: Waiver, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params: { id }, body: { reason }, caller, view }) => {
      const now = view.now()
      return show({ view, caller }, await revokeWaiver(view, { id, actor: caller.keyId, now, reason }), now)
    },
  )
}

interface Viewer {
  view: View
  caller: Caller
}

async function showAll({ view: { stores }, caller }: Viewer, waivers: readonly StoredWaiver[], now: Date) {
  const named = await withActorNames(
    stores,
    waivers.map((waiver) => fieldsOf(waiver, now)),
    ['requestedBy', 'approvedBy', 'rejectedBy', 'revokedBy'],
  )
  return withDecisionRefusals(stores, caller, { kind: 'waiver', items: named })
}

const show = async (viewer: Viewer, waiver: StoredWaiver, now: Date) =>
  required((await showAll(viewer, [waiver], now))[0], 'the waiver')

function fieldsOf(waiver: StoredWaiver, now: Date) {
  const { rejected, revokedBy, revokedAt, expiresAt, approvedAt, createdAt, targetScope: _, ...rest } = waiver
  const [rejection, revocation] = splitEnd({ rejected, by: revokedBy, at: revokedAt })
  return {
    ...rest,
    state: waiverState(waiver, now),
    expiresAt: expiresAt.toISOString(),
    approvedAt: approvedAt?.toISOString() ?? null,
    rejectedBy: rejection.by,
    rejectedAt: rejection.at,
    revokedBy: revocation.by,
    revokedAt: revocation.at,
    createdAt: createdAt.toISOString(),
  }
}
