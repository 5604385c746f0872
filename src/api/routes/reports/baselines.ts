import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { v7 as newUuid } from 'uuid'
import { ConflictError, NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { nameSchema } from '../../../domain/policy/policy.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import type { View } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import {
  closedObject,
  IdempotencyKey,
  NameParams,
  PageQuery,
  pageOf,
  problems,
  Timestamp,
} from '../../openapi/schemas.ts'

const reason = Type.String({ minLength: 1, maxLength: 1000, examples: ['Reviewed after the move, CHG0030001'] })
const name = (examples: string[]) => Type.String({ minLength: 1, maxLength: 253, examples })

export const Baseline = Type.Object(
  {
    name: nameSchema('Unique name of the baseline'),
    auditId: Type.String({ format: 'uuid' }),
    createdAt: Timestamp,
    approvals: Type.Array(
      Type.Object({
        approvedBy: Type.String({ description: 'Id of the key that approved, or `oidc:SUB` of a token' }),
        reason,
        items: Type.Integer({ minimum: 0, description: 'How many series were approved' }),
        at: Timestamp,
      }),
      { description: 'Newest first; the oldest approved the whole' },
    ),
  },
  { $id: 'Baseline', title: 'Baseline', description: 'An approved moment to compare with' },
)

const BaselineInput = closedObject(
  { name: nameSchema('Unique name'), audit: Type.String({ format: 'uuid' }), reason },
  { $id: 'BaselineInput' },
)
const BaselineApproval = closedObject(
  {
    reason,
    items: Type.Array(
      closedObject({
        target: name(['epp-01']),
        policy: name(['netwrix-endpoint-protector']),
        rule: name(['server-certificate']),
        vantage: name(['local']),
      }),
      { minItems: 1, maxItems: 1000 },
    ),
  },
  { $id: 'BaselineApproval' },
)

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
        params: NameParams,
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
        description: 'All of them or none.',
        params: NameParams,
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
        params: NameParams,
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
