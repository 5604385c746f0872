import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ConflictError } from '../../../domain/errors.ts'
import { Lease as AnyLease, Delivery, leaseId } from '../../../domain/vantages/lease.ts'
import { canaryStates, maxLeaseWaitSeconds } from '../../../domain/vantages/presence.ts'
import type { ServerParts } from '../../context.ts'
import { closedObject, problems } from '../../openapi/schemas.ts'
import { VantageName } from './vantages.ts'

export const Lease = Type.Object(AnyLease.properties, {
  $id: 'Lease',
  title: 'Lease',
  description: 'A batch on loan to an agent: what to look at, and nothing of what is expected',
})

const LeaseRequest = closedObject(
  {
    waitSeconds: Type.Integer({
      minimum: 0,
      maximum: maxLeaseWaitSeconds,
      default: 0,
      description: 'How long to wait for a batch where none is waiting',
    }),
    version: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z.+-]{1,50}$', examples: ['1.0.0'] })),
    canary: Type.Optional(Type.Enum([...canaryStates])),
  },
  { $id: 'LeaseRequest', examples: [{ waitSeconds: 25, version: '1.0.0', canary: 'none' }] },
)
const Observations = closedObject(Delivery.properties, { $id: 'ObservationDelivery' })
const DeliveryReceipt = Type.Object(
  { recorded: Type.Boolean({ description: 'False: the batch was recorded before, so nothing was changed' }) },
  { $id: 'DeliveryReceipt' },
)

const Params = closedObject({ name: VantageName })
const LeaseParams = closedObject({ name: VantageName, id: Type.String({ pattern: leaseId }) })
/** The work of an agent; its key need be good for nothing else. */
const config = { scope: 'vantage' } as const
const deliveryLimit = 32 * 1024 * 1024

export const leaseRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'leases'>> = async (app, { leases }) => {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  app.post(
    '/vantages/:name/leases',
    {
      config,
      schema: {
        operationId: 'leaseBatch',
        tags: ['vantages'],
        summary: 'Lease a batch of checks',
        description: 'Asking is how an agent says that it is there. Without an answer in time a batch is leased again.',
        params: Params,
        body: LeaseRequest,
        response: {
          200: Lease,
          204: Type.Null({ description: 'No batch waits' }),
          ...problems(404, 413, 415),
        },
      },
    },
    async ({ params, body, raw }, reply) => {
      const gone = new AbortController()
      const leave = () => gone.abort()
      raw.socket.once('close', leave)
      const signal = AbortSignal.any([closing.signal, gone.signal])
      const { waitSeconds, ...sign } = body
      const lease = await leases
        .lease(params.name, { waitMs: waitSeconds * 1000, sign, signal })
        .finally(() => raw.socket.off('close', leave))
      return lease ? reply.code(200).send(lease) : reply.code(204).send(null)
    },
  )

  app.post(
    '/vantages/:name/leases/:id/heartbeat',
    {
      config,
      schema: {
        operationId: 'keepLease',
        tags: ['vantages'],
        summary: 'Renew a lease',
        params: LeaseParams,
        response: { 204: Type.Null({ description: 'It goes on' }), ...problems(404, 409) },
      },
    },
    async ({ params }, reply) => {
      if (!(await leases.keep(params.name, params.id)))
        throw new ConflictError('the lease has ended; what was seen can be delivered nevertheless')
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/vantages/:name/leases/:id/observations',
    {
      config,
      bodyLimit: deliveryLimit,
      schema: {
        operationId: 'deliverObservations',
        tags: ['vantages'],
        summary: 'Deliver observations',
        description:
          'One observation for each check of the lease, facts and never results. It may come late: it counts unless the batch was recorded meanwhile.',
        params: LeaseParams,
        body: Observations,
        response: {
          200: DeliveryReceipt,
          ...problems(404, 413, 415, 422),
        },
      },
    },
    async ({ params, body }) => ({ recorded: await leases.deliver(params.name, params.id, body) }),
  )
}
