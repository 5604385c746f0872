import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { summarizePath } from '../../../domain/traces/path.ts'
import { describeTrace } from '../../../domain/traces/sentence.ts'
import { describeFailure, type TraceResult, traceStatus } from '../../../domain/traces/trace.ts'
import { requestTrace } from '../../../operations/traces/request-trace.ts'
import { findTrace } from '../../../operations/traces/trace.ts'
import { required } from '../../../runtime/required.ts'
import type { Stores } from '../../../store/db/stores.ts'
import { isEverything } from '../../../store/query/target-scope.ts'
import type { StoredTrace } from '../../../store/traces/traces.ts'
import type { ServerParts, View } from '../../context.ts'
import { findAfterWait } from '../../http/prefer.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { described, problems } from '../../openapi/responses.ts'
import { pageOf } from '../../openapi/schemas.ts'
import { Trace, TraceHeaders, TraceParams, TraceQuery, TraceRequest, TraceWaitHeaders } from './schemas.ts'

type TraceRouteParts = Pick<ServerParts, 'notifications' | 'refuseTrace'>

export const traceRoutes: FastifyPluginAsyncTypebox<TraceRouteParts> = async (app, { notifications, refuseTrace }) => {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  const findEnded = ({ stores, now }: View, id: string, preference: { prefer?: string; reply: FastifyReply }) =>
    findAfterWait(
      {
        find: async () => show(stores, await findTrace(stores, id), now()),
        hasEnded,
        waitForEnd: (ms) => notifications.waitForEnd(id, ms, closing.signal),
      },
      preference,
    )

  app.post(
    '/traces',
    {
      config: { scope: 'audits:run', limited: true, countsAsAudit: true },
      schema: {
        operationId: 'createTrace',
        tags: ['traces'],
        summary: 'Trace the path to a port',
        description:
          'A vantage sends TCP SYNs with growing hop limits to the port, within its egress policy, and compares the path with that to another port of the host. It needs no privilege, and Linux at the vantage (409 otherwise). A key that is limited to targets with labels can trace targets and no hosts.',
        headers: TraceHeaders,
        body: TraceRequest,
        response: {
          200: described('The trace ended within the wait', Trace),
          202: described('Accepted; poll `Location`', Trace),
          ...problems(409, 413, 415, 422),
        },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const requester = {
        actor: caller.keyId,
        idempotencyKey: headers['idempotency-key'],
        isLimited: !isEverything(caller.targetScope),
      }
      const { id } = await requestTrace({ ...view, refuseTrace }, body, requester)
      const trace = await findEnded(view, id, { ...headers, reply })
      reply.header('location', `/v1/traces/${id}`)
      if (!hasEnded(trace)) reply.header('retry-after', '1')
      return reply.code(hasEnded(trace) ? 200 : 202).send(trace)
    },
  )

  app.get(
    '/traces',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true },
      schema: {
        operationId: 'listTraces',
        tags: ['traces'],
        summary: 'List traces',
        description: 'Newest first.',
        querystring: TraceQuery,
        response: { 200: pageOf(Trace), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.traces.list(query)
      const now = view.now()
      return linkNext(reply, url, { ...page, items: await showAll(view.stores, page.items, now) })
    },
  )

  app.get(
    '/traces/:id',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true },
      schema: {
        operationId: 'getTrace',
        tags: ['traces'],
        summary: 'Get a trace',
        params: TraceParams,
        headers: TraceWaitHeaders,
        response: { 200: Trace, ...problems(404) },
      },
    },
    async ({ params, headers, view }, reply) => {
      const trace = await findEnded(view, params.id, { ...headers, reply })
      if (!hasEnded(trace)) reply.header('retry-after', '1')
      return trace
    },
  )
}

const hasEnded = ({ status }: Pick<ReturnType<typeof fieldsOf>, 'status'>) =>
  status === 'completed' || status === 'failed'

const showAll = (stores: Stores, traces: readonly StoredTrace[], now: Date) =>
  withActorNames(
    stores,
    traces.map((trace) => fieldsOf(trace, now)),
    ['requestedBy'],
  )

const show = async (stores: Stores, trace: StoredTrace, now: Date) =>
  required((await showAll(stores, [trace], now))[0], 'the trace')

function fieldsOf({ auditId, compare: _, failure, result, ...trace }: StoredTrace, now: Date) {
  const { createdAt, deadlineAt, startedAt, finishedAt } = trace
  const status = traceStatus({ ...trace, failure }, now)
  const failed = failure ?? (status === 'failed' ? 'trace-deadline' : null)
  return {
    ...trace,
    status,
    audit: auditId,
    summary: result && describeTrace(result),
    failure: failed && describeFailure(failed),
    result: result && showResult(result),
    createdAt: createdAt.toISOString(),
    deadlineAt: deadlineAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt?.toISOString() ?? null,
  }
}

const showResult = ({ address, path, comparison }: TraceResult) => ({
  address,
  path: { ...path, ...summarizePath(path, address) },
  comparison: comparison && { ...comparison, ...summarizePath(comparison, address) },
})
