import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem, sendProblem } from '../problems.ts'
import { ref } from '../schemas.ts'
import type { ServerParts } from '../server.ts'

const Status = Type.Object({ status: Type.Enum(['ok']), version: Type.String() })
const security: [] = []

export const operationRoutes: FastifyPluginAsyncTypebox<ServerParts> = async (app, { checkReady, version }) => {
  app.get(
    '/livez',
    {
      schema: {
        operationId: 'getLiveness',
        tags: ['operations'],
        summary: 'The process answers',
        security,
        response: { 200: Status },
      },
    },
    async () => ({ status: 'ok' as const, version }),
  )

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        tags: ['operations'],
        summary: 'The service can do its work',
        security,
        response: {
          200: Status,
          503: { description: 'It cannot, for now', content: { 'application/problem+json': { schema: ref(Problem) } } },
        },
      },
    },
    async (request, reply) => {
      try {
        await checkReady()
      } catch (error) {
        request.log.warn({ err: error }, 'not ready')
        return sendProblem(reply, { status: 503, detail: 'the database does not answer' })
      }
      return { status: 'ok' as const, version }
    },
  )

  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
