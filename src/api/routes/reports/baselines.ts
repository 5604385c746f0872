import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { v7 as newUuid } from 'uuid'
import { ConflictError, NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import type { View } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Baseline, BaselineApproval, BaselineInput, BaselineParams } from './schemas/baselines.ts'

export const baselineRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const find = async ({ stores }: View, wanted: string) => {
    const baseline = await stores.baselines.find(wanted)
    if (!baseline) throw new NotFoundError(`there is no baseline ${wanted}`)
    return baseline
  }

  app.get(
    '/baselines',
    {
      config: { scope: 'reports:read', limited: true },
      schema: {
        operationId: 'listBaselines',
        tags: ['reports'],
        summary: 'List baselines',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Baseline), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => linkNext(reply, url, await view.stores.baselines.list(query)),
  )

  app.post(
    '/baselines',
    {
      config: { scope: 'waivers:approve', limited: true },
      schema: {
        operationId: 'createBaseline',
        tags: ['reports'],
        summary: 'Create a baseline',
        description: 'Approves the findings of a completed audit under a name.',
        headers: Type.Object(IdempotencyKey),
        body: BaselineInput,
        response: { 201: Baseline, ...problems(409, 413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const audit = await view.stores.audits.find(body.audit)
      if (!audit) throw new RefusedError([{ pointer: '/audit', message: `there is no audit ${body.audit}` }])
      if (audit.status !== 'completed') {
        throw new RefusedError([
          { pointer: '/audit', message: `the audit is ${audit.status}: only a completed one can be approved` },
        ])
      }
      const approval = { approvedBy: caller.keyId, reason: body.reason }
      await view.transaction(async (tx) => {
        const resource = newUuid()
        const claim = { idempotencyKey: headers['idempotency-key'], requestedBy: caller.keyId, request: body, resource }
        if ((await claimOnce(tx, claim)) !== resource) return
        const outcome = await tx.baselines.approveAudit(body.name, body.audit, approval)
        if (outcome === 'taken') throw new ConflictError(`there is a baseline ${body.name} already`)
        if (outcome === 'empty') {
          throw new RefusedError([{ pointer: '/audit', message: 'the findings of the audit are not kept any more' }])
        }
        tx.ledger.record({ actor: caller.keyId, action: 'baseline.create', subject: body.name, payload: body })
      })
      return reply
        .code(201)
        .header('location', `/v1/baselines/${body.name}`)
        .send(await find(view, body.name))
    },
  )

  app.get(
    '/baselines/:name',
    {
      config: { scope: 'reports:read', limited: true },
      schema: {
        operationId: 'getBaseline',
        tags: ['reports'],
        summary: 'Get a baseline',
        params: BaselineParams,
        response: { 200: Baseline, ...problems(404) },
      },
    },
    async ({ params, view }) => find(view, params.name),
  )

  app.post(
    '/baselines/:name/approve',
    {
      config: { scope: 'waivers:approve', limited: true },
      schema: {
        operationId: 'approveBaselineItems',
        tags: ['reports'],
        summary: 'Approve items of a baseline',
        description: 'Replaces the approved outcome of single series by their current outcome: all of them or none.',
        params: BaselineParams,
        body: BaselineApproval,
        response: { 200: Baseline, ...problems(404, 413, 415, 422) },
      },
    },
    async ({ params, body, caller, view }) => {
      await find(view, params.name)
      const approval = { approvedBy: caller.keyId, reason: body.reason }
      const missing = await view.transaction(async (tx) => {
        const places = await tx.baselines.approveItems(params.name, body.items, approval)
        if (places.length === 0)
          tx.ledger.record({ actor: caller.keyId, action: 'baseline.approve', subject: params.name, payload: body })
        return places
      })
      if (missing.length > 0) {
        throw new RefusedError(
          missing.map((place) => ({ pointer: `/items/${place}`, message: 'nothing is known of this series' })),
        )
      }
      return find(view, params.name)
    },
  )

  app.delete(
    '/baselines/:name',
    {
      config: { scope: 'waivers:approve', limited: true },
      schema: {
        operationId: 'deleteBaseline',
        tags: ['reports'],
        summary: 'Delete a baseline',
        params: BaselineParams,
        response: { 204: Type.Null({ description: 'Deleted' }), ...problems(404) },
      },
    },
    async ({ params, caller, view }, reply) => {
      await find(view, params.name)
      await view.transaction(async (tx) => {
        await tx.baselines.remove(params.name)
        tx.ledger.record({ actor: caller.keyId, action: 'baseline.delete', subject: params.name, payload: {} })
      })
      return reply.code(204).send(null)
    },
  )
}
