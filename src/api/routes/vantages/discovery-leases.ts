import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ServerParts } from '../../context.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject } from '../../openapi/schemas.ts'
import { DiscoveryDelivery, DiscoveryLease, ProposalParams } from '../proposals/schemas.ts'
import { longPoll } from './long-poll.ts'
import { DiscoveryLeaseRequest, VantageParams } from './schemas.ts'

const config = { scope: 'vantage' } as const
/** Three for each of 100,000 endpoints, and those around them. */
const maxValues = 450_000

export const discoveryLeaseRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'discoveryLeases'>> = async (
  app,
  { discoveryLeases },
) => {
  const poll = longPoll(app)

  app.post(
    '/vantages/:name/discoveries',
    {
      config,
      schema: {
        operationId: 'leaseDiscovery',
        tags: ['vantages'],
        summary: 'Lease a discovery',
        description: 'Long poll. A discovery without a result after 90 seconds is leased again until its deadline.',
        params: VantageParams,
        body: DiscoveryLeaseRequest,
        response: {
          200: DiscoveryLease,
          204: Type.Null({ description: 'No discovery waits' }),
          ...problems(404, 413, 415),
        },
      },
    },
    async ({ params, body, raw }, reply) => {
      const waitMs = body.waitSeconds * 1000
      const lease = await poll(raw.socket, (signal) => discoveryLeases.lease(params.name, { waitMs, signal }))
      return lease ? reply.code(200).send(lease) : reply.code(204).send(null)
    },
  )

  app.post(
    '/vantages/:name/discoveries/:id',
    {
      config: { ...config, maxValues },
      schema: {
        operationId: 'deliverDiscovery',
        tags: ['vantages'],
        summary: 'Deliver a discovery',
        description: 'The first result of a discovery counts.',
        params: closedObject({ ...VantageParams.properties, ...ProposalParams.properties }),
        body: DiscoveryDelivery,
        response: { 204: Type.Null({ description: 'Stored' }), ...problems(404, 409, 413, 415, 422) },
      },
    },
    async ({ params, body }, reply) => {
      await discoveryLeases.deliver(params.name, params.id, body)
      return reply.code(204).send(null)
    },
  )
}
