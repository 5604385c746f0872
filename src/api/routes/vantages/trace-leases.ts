import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ServerParts } from '../../context.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject } from '../../openapi/schemas.ts'
import { TraceDelivery, TraceLease, TraceParams } from '../traces/schemas.ts'
import { longPoll } from './long-poll.ts'
import { TraceLeaseRequest, VantageParams } from './schemas.ts'

const config = { scope: 'vantage' } as const

export const traceLeaseRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'traceLeases'>> = async (
  app,
  { traceLeases },
) => {
  const poll = longPoll(app)

  app.post(
    '/vantages/:name/traces',
    {
      config,
      schema: {
        operationId: 'leaseTrace',
        tags: ['vantages'],
        summary: 'Lease a trace',
        description: 'Long poll. A trace without a result after 90 seconds is leased again until its deadline.',
        params: VantageParams,
        body: TraceLeaseRequest,
        response: {
          200: TraceLease,
          204: Type.Null({ description: 'No trace waits' }),
          ...problems(404, 413, 415),
        },
      },
    },
    async ({ params, body, raw }, reply) => {
      const waitMs = body.waitSeconds * 1000
      const lease = await poll(raw.socket, (signal) => traceLeases.lease(params.name, { waitMs, signal }))
      return lease ? reply.code(200).send(lease) : reply.code(204).send(null)
    },
  )

  app.post(
    '/vantages/:name/traces/:id',
    {
      config,
      schema: {
        operationId: 'deliverTrace',
        tags: ['vantages'],
        summary: 'Deliver a trace',
        description: 'The first result of a trace counts.',
        params: closedObject({ ...VantageParams.properties, ...TraceParams.properties }),
        body: TraceDelivery,
        response: { 204: Type.Null({ description: 'Stored' }), ...problems(404, 409, 413, 415, 422) },
      },
    },
    async ({ params, body }, reply) => {
      await traceLeases.deliver(params.name, params.id, body)
      return reply.code(204).send(null)
    },
  )
}
