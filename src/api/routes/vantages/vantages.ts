import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ConflictError, NotFoundError } from '../../../domain/errors.ts'
import { nameSchema, Zone } from '../../../domain/policy/policy.ts'
import { canaryStates, isAbsent, vantageKinds } from '../../../domain/vantages/presence.ts'
import type { VantageState } from '../../../store/inventory/vantages.ts'
import type { View } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import { closedObject, nullable, PageQuery, pageOf, problems, Timestamp } from '../../openapi/schemas.ts'

const count = Type.Integer({ minimum: 0 })

export const VantageName = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
  maxLength: 100,
  description: 'Name of the vantage',
  examples: ['branch-office'],
})
const Params = closedObject({ name: VantageName })

export const Vantage = Type.Object(
  {
    name: nameSchema('Unique name of the vantage'),
    zones: Type.Array(Type.String(), { examples: [['client']] }),
    kind: Type.Enum([...vantageKinds], {
      description: '`worker`: processes of the service itself; `agent`: one that leases its batches over HTTP',
    }),
    absent: Type.Boolean({ description: 'Not seen for longer than its heartbeat' }),
    lastSeenAt: nullable(Timestamp),
    version: nullable(Type.String({ description: 'Of the process that was seen last' })),
    canary: Type.Enum([...canaryStates], {
      description: 'What its canary endpoints said last; `none`: it names none, `unknown`: nobody has looked yet',
    }),
    queueDepth: Type.Object({ waiting: count, running: count }, { description: 'Batches' }),
    lagSeconds: Type.Number({ minimum: 0, description: 'How long the oldest batch that waits has waited' }),
  },
  { $id: 'Vantage', title: 'Vantage', description: 'A named place from which probes are made' },
)

const VantageInput = closedObject(
  { zones: Type.Array(Zone, { minItems: 1, maxItems: 20, uniqueItems: true }) },
  { $id: 'VantageInput', examples: [{ zones: ['untrusted'] }] },
)

const show = ({ lastSeenAt, ...vantage }: VantageState) => ({
  ...vantage,
  absent: isAbsent({ kind: vantage.kind, lastSeenAt }, new Date()),
  lastSeenAt: lastSeenAt?.toISOString() ?? null,
})

export const vantageRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const find = async ({ stores }: View, name: string) => {
    const vantage = await stores.vantages.find(name)
    if (!vantage) throw new NotFoundError(`there is no vantage ${name}`)
    return show(vantage)
  }

  app.get(
    '/vantages',
    {
      config: { scope: ['reports:read', 'audits:run'] },
      schema: {
        operationId: 'listVantages',
        tags: ['vantages'],
        summary: 'List vantages',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Vantage), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.vantages.page(query)
      return linkNext(reply, url, { ...page, items: page.items.map(show) })
    },
  )

  app.get(
    '/vantages/:name',
    {
      config: { scope: ['reports:read', 'audits:run'] },
      schema: {
        operationId: 'getVantage',
        tags: ['vantages'],
        summary: 'Get a vantage',
        params: Params,
        response: { 200: Vantage, ...problems(404) },
      },
    },
    async ({ params, view }) => find(view, params.name),
  )

  app.put(
    '/vantages/:name',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'putVantage',
        tags: ['vantages'],
        summary: 'Register a vantage',
        description:
          'Which zones an agent stands for is decided here and not by the agent. While a worker serves the vantage, the zones are what its configuration says.',
        params: Params,
        body: VantageInput,
        response: { 200: Vantage, ...problems(409, 413, 415) },
      },
    },
    async ({ params, body, caller, view }) => {
      const registered = await view.transaction(async (tx) => {
        const done = await tx.vantages.register({ name: params.name, zones: body.zones })
        if (done) tx.ledger.record({ actor: caller.keyId, action: 'vantage.put', subject: params.name, payload: body })
        return done
      })
      if (!registered)
        throw new ConflictError(`a worker serves the vantage ${params.name}: its configuration names the zones`)
      return find(view, params.name)
    },
  )
}
