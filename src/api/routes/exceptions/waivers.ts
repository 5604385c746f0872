import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { waiverState } from '../../../domain/exceptions/waivers.ts'
import { approveWaiver, revokeWaiver } from '../../../operations/exceptions/decide-waiver.ts'
import { requestWaiver } from '../../../operations/exceptions/request-waiver.ts'
import { findWaiver } from '../../../operations/exceptions/waiver.ts'
import { required } from '../../../runtime/required.ts'
import type { Stores } from '../../../store/db/stores.ts'
import type { StoredWaiver } from '../../../store/exceptions/waivers.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { IdempotencyKey, pageOf } from '../../openapi/schemas.ts'
import { Waiver, WaiverParams, WaiverQuery, WaiverRequest } from './schemas.ts'

export const waiverRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/waivers',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'createWaiver',
        tags: ['waivers'],
        summary: 'Request a waiver',
        description: 'The waiver takes effect when another key approves it.',
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
        .send(await show(view.stores, waiver, now))
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
    async ({ query, url, view }, reply) => {
      const now = view.now()
      const page = await view.stores.waivers.list({ ...query, now })
      return linkNext(reply, url, { ...page, items: await showAll(view.stores, page.items, now) })
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
    async ({ params, view }) => show(view.stores, await findWaiver(view.stores, params.id), view.now()),
  )

  app.post(
    '/waivers/:id/approve',
    {
      config: { scope: 'waivers:approve', limited: true },
      schema: {
        operationId: 'approveWaiver',
        tags: ['waivers'],
        summary: 'Approve a waiver',
        description: 'Another key than the one that requested the waiver must approve it.',
        params: WaiverParams,
        response: { 200: Waiver, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, caller, view }) => {
      const now = view.now()
      return show(view.stores, await approveWaiver(view, { id, actor: caller.keyId, now }), now)
    },
  )

  app.post(
    '/waivers/:id/revoke',
    {
      config: { scope: ['audits:run', 'waivers:approve'], limited: true },
      schema: {
        operationId: 'revokeWaiver',
        tags: ['waivers'],
        summary: 'Revoke a waiver',
        description: 'Its findings count again from the next audit on.',
        params: WaiverParams,
        response: { 200: Waiver, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, caller, view }) => {
      const now = view.now()
      return show(view.stores, await revokeWaiver(view, { id, actor: caller.keyId, now }), now)
    },
  )
}

const showAll = (stores: Stores, waivers: readonly StoredWaiver[], now: Date) =>
  withActorNames(
    stores,
    waivers.map((waiver) => fieldsOf(waiver, now)),
    ['requestedBy', 'approvedBy', 'revokedBy'],
  )

const show = async (stores: Stores, waiver: StoredWaiver, now: Date) =>
  required((await showAll(stores, [waiver], now))[0], 'the waiver')

const fieldsOf = ({ expiresAt, approvedAt, revokedAt, createdAt, ...waiver }: StoredWaiver, now: Date) => ({
  ...waiver,
  state: waiverState({ approvedAt, expiresAt, revokedAt }, now),
  expiresAt: expiresAt.toISOString(),
  approvedAt: approvedAt?.toISOString() ?? null,
  revokedAt: revokedAt?.toISOString() ?? null,
  createdAt: createdAt.toISOString(),
})
