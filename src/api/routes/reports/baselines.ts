import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { approveBaselineItems } from '../../../operations/baselines/approve-items.ts'
import { findBaseline } from '../../../operations/baselines/baseline.ts'
import { createBaseline } from '../../../operations/baselines/create.ts'
import { deleteBaseline } from '../../../operations/baselines/delete.ts'
import { required } from '../../../runtime/required.ts'
import type { Stores } from '../../../store/db/stores.ts'
import type { Baseline as StoredBaseline } from '../../../store/history/baselines.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Baseline, BaselineApproval, BaselineInput, BaselineParams } from './schemas/baselines.ts'

export const baselineRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/baselines',
    {
      config: { scope: 'reports:read', limited: true, replica: true },
      schema: {
        operationId: 'listBaselines',
        tags: ['reports'],
        summary: 'List baselines',
        description: 'Ordered by name.',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Baseline), ...problems() },
      },
    },
    async ({ query, url, view: { stores } }, reply) => {
      const page = await stores.baselines.list(query)
      return linkNext(reply, url, { ...page, items: await showAll(stores, page.items) })
    },
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
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const baseline = await createBaseline(view, body, requester)
      return reply
        .code(201)
        .header('location', `/v1/baselines/${body.name}`)
        .send(await show(view.stores, baseline))
    },
  )

  app.get(
    '/baselines/:name',
    {
      config: { scope: 'reports:read', limited: true, replica: true },
      schema: {
        operationId: 'getBaseline',
        tags: ['reports'],
        summary: 'Get a baseline',
        description: 'The baseline with its approvals.',
        params: BaselineParams,
        response: { 200: Baseline, ...problems(404) },
      },
    },
    async ({ params, view: { stores } }) => show(stores, await findBaseline(stores, params.name)),
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
    async ({ params: { name }, body, caller, view }) =>
      show(view.stores, await approveBaselineItems(view, { ...body, name }, caller.keyId)),
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
      await deleteBaseline(view, params.name, caller.keyId)
      return reply.code(204).send(null)
    },
  )
}

async function showAll(stores: Stores, baselines: readonly StoredBaseline[]) {
  const approvals = baselines.flatMap((baseline) => baseline.approvals)
  const named = new Map((await withActorNames(stores, approvals, ['approvedBy'])).map((one, i) => [approvals[i], one]))
  return baselines.map((baseline) => ({
    ...baseline,
    approvals: baseline.approvals.map((approval) => required(named.get(approval), 'an approval')),
  }))
}

const show = async (stores: Stores, baseline: StoredBaseline) =>
  required((await showAll(stores, [baseline]))[0], 'the baseline')
