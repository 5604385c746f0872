import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ConflictError } from '../../../domain/errors.ts'
import { maxDeliveryValues } from '../../../domain/findings/bounds.ts'
import { DeliveryEnvelope } from '../../../domain/vantages/lease.ts'
import { required } from '../../../runtime/required.ts'
import type { ServerParts } from '../../context.ts'
import { problems } from '../../openapi/responses.ts'
import { longPoll } from './long-poll.ts'
import {
  BindParams,
  BindPermission,
  BindReport,
  BindRequest,
  DeliveryReceipt,
  Lease,
  LeaseParams,
  LeaseRequest,
  ObservationDelivery,
  VantageParams,
} from './schemas.ts'

/** The work of an agent; its key need be good for nothing else. */
const config = { scope: 'vantage' } as const
const deliveryConfig = { ...config, acceptsAnyText: true, maxValues: maxDeliveryValues } as const
const deliveryLimit = 32 * 1024 * 1024

export const leaseRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'leases'>> = async (app, { leases }) => {
  const poll = longPoll(app)
  const compile = required(app.validatorCompiler, 'validator compiler')

  app.post(
    '/vantages/:name/leases',
    {
      config,
      schema: {
        operationId: 'leaseBatch',
        tags: ['vantages'],
        summary: 'Lease a batch of checks',
        description:
          'Long poll. Each request is the heartbeat of the agent. A batch whose lease ends without a delivery is leased again.',
        params: VantageParams,
        body: LeaseRequest,
        response: {
          200: Lease,
          204: Type.Null({ description: 'No batch is available' }),
          ...problems(404, 413, 415),
        },
      },
    },
    async ({ params, body, raw }, reply) => {
      const { waitSeconds, companions = false, binds = false, ...sign } = body
      const waitMs = waitSeconds * 1000
      const lease = await poll(raw.socket, (signal) =>
        leases.lease(params.name, { waitMs, companions, binds, sign, signal }),
      )
      return lease ? reply.code(200).send(lease) : reply.code(204).send(null)
    },
  )

  app.post(
    '/vantages/:name/leases/:id/heartbeat',
    {
      config,
      schema: {
        operationId: 'renewLease',
        tags: ['vantages'],
        summary: 'Renew a lease',
        description:
          'The heartbeat of a lease. Without one for 10 seconds the lease ends, and the batch is leased to the agent that waits for one.',
        params: LeaseParams,
        response: { 204: Type.Null({ description: 'The lease continues' }), ...problems(404, 409) },
      },
    },
    async ({ params }, reply) => {
      if (!(await leases.keep(params.name, params.id)))
        throw new ConflictError('the lease has ended; what was seen can be delivered nevertheless')
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/vantages/:name/leases/:id/binds',
    {
      config,
      schema: {
        operationId: 'claimBind',
        tags: ['vantages'],
        summary: 'Ask for permission to bind',
        description:
          'One bind of an account runs at a time, and none follows one that was not accepted in the same audit. A refused credential waits, in all audits, until it changes. Accounts and credentials are digests that are keyed with `bindSalt` of the lease.',
        params: LeaseParams,
        body: BindRequest,
        response: { 200: BindPermission, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params, body, raw }) =>
      poll(raw.socket, (signal) => leases.claimBind(params.name, params.id, body, signal)),
  )

  app.post(
    '/vantages/:name/leases/:id/binds/:bind',
    {
      config,
      schema: {
        operationId: 'settleBind',
        tags: ['vantages'],
        summary: 'Report the result of a bind',
        description: 'What became of a permitted bind. Without a report the bind counts as refused.',
        params: BindParams,
        body: BindReport,
        response: { 204: Type.Null({ description: 'The result is noted' }), ...problems(404, 413, 415) },
      },
    },
    async ({ params, body }, reply) => {
      await leases.settleBind(params.name, params.bind, body)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/vantages/:name/leases/:id/observations',
    {
      config: deliveryConfig,
      bodyLimit: deliveryLimit,
      // One invalid observation must not reject the others: the operation checks each, in steps.
      validatorCompiler: (part) =>
        compile({ ...part, schema: part.httpPart === 'body' ? DeliveryEnvelope : part.schema }),
      schema: {
        operationId: 'deliverObservations',
        tags: ['vantages'],
        summary: 'Deliver observations',
        description:
          'One observation for each check of the lease: facts, no results. A late delivery counts unless the batch has been recorded in the meantime. ' +
          'An invalid or missing observation ends its check as an `error` (`observation-refused`) and is named in `refused`; the others are recorded.',
        params: LeaseParams,
        body: ObservationDelivery,
        response: {
          200: DeliveryReceipt,
          ...problems(404, 413, 415),
        },
      },
    },
    ({ params, body }) => leases.deliver(params.name, params.id, body),
  )
}
