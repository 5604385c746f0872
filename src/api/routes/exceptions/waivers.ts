import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { v7 as newUuid } from 'uuid'
import { ConflictError, ForbiddenError, NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { checkExpiry, waiverState } from '../../../domain/exceptions/waivers.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import { checkSelection } from '../../../operations/audits/select-targets.ts'
import type { StoredWaiver } from '../../../store/exceptions/waivers.ts'
import type { View } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { IdempotencyKey, pageOf } from '../../openapi/schemas.ts'
import { Waiver, WaiverParams, WaiverQuery, WaiverRequest } from './schemas.ts'

export const waiverRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const find = async ({ stores }: View, id: string) => {
    const waiver = await stores.waivers.find(id)
    if (!waiver) throw new NotFoundError(`there is no waiver ${id}`)
    return waiver
  }

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
      const now = new Date()
      const requestedBy = caller.keyId
      const waiver = await view.transaction(async (tx) => {
        const id = newUuid()
        const claim = { idempotencyKey: headers['idempotency-key'], requestedBy, request: body, resource: id }
        const made = await claimOnce(tx, claim)
        if (made !== id) return tx.waivers.find(made)
        const expiresAt = new Date(body.expiresAt)
        const issues = checkExpiry(expiresAt, now)
        if (issues.length > 0) throw new RefusedError(issues)
        await checkSelection(tx, body)
        tx.ledger.record({ actor: requestedBy, action: 'waiver.request', subject: id, payload: body })
        return tx.waivers.create({ ...body, id, expiresAt, requestedBy })
      })
      if (!waiver) throw new NotFoundError('the waiver of this Idempotency-Key is gone')
      return reply.code(201).header('location', `/v1/waivers/${waiver.id}`).send(show(waiver, now))
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
        querystring: WaiverQuery,
        response: { 200: pageOf(Waiver), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const now = new Date()
      const page = await view.stores.waivers.list({ ...query, now })
      return linkNext(reply, url, { ...page, items: page.items.map((waiver) => show(waiver, now)) })
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
    async ({ params, view }) => show(await find(view, params.id), new Date()),
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
    async ({ params, caller, view }) => {
      const now = new Date()
      const { requestedBy } = await find(view, params.id)
      if (requestedBy === caller.keyId)
        throw new ForbiddenError('who asks for a waiver cannot approve it: another key must')
      const approved = await view.transaction(async (tx) => {
        const done = await tx.waivers.approve(params.id, caller.keyId, now)
        if (done) tx.ledger.record({ actor: caller.keyId, action: 'waiver.approve', subject: params.id, payload: {} })
        return done
      })
      if (!approved) throw await conflict(view, params.id, now)
      return show(await find(view, params.id), now)
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
    async ({ params, caller, view }) => {
      const now = new Date()
      await find(view, params.id)
      const revoked = await view.transaction(async (tx) => {
        const done = await tx.waivers.revoke(params.id, caller.keyId, now)
        if (done) tx.ledger.record({ actor: caller.keyId, action: 'waiver.revoke', subject: params.id, payload: {} })
        return done
      })
      if (!revoked) throw await conflict(view, params.id, now)
      return show(await find(view, params.id), now)
    },
  )

  const conflict = async (view: View, id: string, now: Date) =>
    new ConflictError(`the waiver is ${waiverState(await find(view, id), now)} already`)
}

const show = ({ expiresAt, approvedAt, revokedAt, createdAt, ...waiver }: StoredWaiver, now: Date) => ({
  ...waiver,
  state: waiverState({ approvedAt, expiresAt, revokedAt }, now),
  expiresAt: expiresAt.toISOString(),
  approvedAt: approvedAt?.toISOString() ?? null,
  revokedAt: revokedAt?.toISOString() ?? null,
  createdAt: createdAt.toISOString(),
})
