import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ServerParts } from '../context.ts'
import { problems } from '../openapi/schemas.ts'

export const metricsRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'metrics'>> = async (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      config: { scope: 'reports:read' },
      schema: {
        operationId: 'getMetrics',
        tags: ['operations'],
        summary: 'Get metrics',
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: Type.String() } } },
          ...problems(),
        },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()),
  )
}
