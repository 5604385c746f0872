import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RequestTracing } from '../context.ts'

/** Traces each request, with the audit of its `Location`. */
export function traceRequests(app: FastifyInstance, tracing: RequestTracing): void {
  const ends = new WeakMap<FastifyRequest, ReturnType<typeof tracing.request>>()
  app.addHook('onRequest', async (request) => {
    const { traceparent } = request.headers
    ends.set(request, tracing.request(request.method, typeof traceparent === 'string' ? traceparent : undefined))
  })
  app.addHook('onResponse', async (request, reply) => {
    const [, auditId] = /\/v1\/audits\/([0-9a-f-]{36})$/.exec(String(reply.getHeader('location') ?? '')) ?? []
    const { schema, url: route } = request.routeOptions
    ends.get(request)?.({ operation: schema?.operationId ?? 'none', route, status: reply.statusCode, auditId })
  })
}
