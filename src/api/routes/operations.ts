import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotReadyError } from '../../domain/errors.ts'
import type { ServerParts } from '../context.ts'
import { Problem, sendProblem } from '../http/problems.ts'
import { aboutRequest } from '../http/request-log.ts'

const Status = Type.Object({ status: Type.Enum(['ok']), version: Type.String() }, { $id: 'ServiceStatus' })
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
        summary: 'Check liveness',
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
        summary: 'Check readiness',
        security,
        response: {
          200: Status,
          503: { description: 'It cannot, for now', content: { 'application/problem+json': { schema: Problem } } },
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
