import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ServerParts } from '../context.ts'
import { problems } from '../openapi/responses.ts'

const Metrics = Type.String({
  description: 'Text format of Prometheus, version 0.0.4',
  examples: ['# TYPE portwarden_database_up gauge\nportwarden_database_up 1\n'],
})

export const metricsRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'metrics'>> = async (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      config: { scope: 'reports:read' },
      schema: {
        operationId: 'getMetrics',
        tags: ['operations'],
        summary: 'Get metrics',
        description: 'The metrics of this process, and the backlog of all processes, in the text format of Prometheus.',
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: Metrics } } },
          ...problems(),
        },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()),
  )
}
