import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotReadyError } from '../../domain/errors.ts'
import type { ServerParts } from '../context.ts'
import { Problem, sendProblem } from '../http/problems.ts'
import { aboutRequest } from '../http/request-log.ts'
import { ref } from '../openapi/schemas.ts'

const Status = Type.Object({ status: Type.Enum(['ok']), version: Type.String() })
const security: [] = []

export const operationRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'checkReady' | 'version'>> = async (
  app,
  { checkReady, version },
) => {
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

  let checking: Promise<void> | undefined
  /** Whoever asks while a check runs gets its outcome: anybody may ask, and as often as they like. */
  const checkOnce = () => {
    checking ??= checkReady().finally(() => {
      checking = undefined
    })
    return checking
  }

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        tags: ['operations'],
        summary: 'The service can do its work: its database answers, has every migration, and takes jobs',
        security,
        response: {
          200: Status,
          503: { description: 'It cannot, for now', content: { 'application/problem+json': { schema: ref(Problem) } } },
        },
      },
    },
    async (request, reply) => {
      try {
        await checkOnce()
      } catch (error) {
        request.log.warn({ ...aboutRequest(request), err: error }, 'not ready')
        const detail = error instanceof NotReadyError ? error.message : 'a part of the service does not work'
        return sendProblem(reply, { status: 503, detail })
      }
      return { status: 'ok' as const, version }
    },
  )
}
