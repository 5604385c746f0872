import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotReadyError } from '../../domain/errors.ts'
import type { ServerParts } from '../context.ts'
import { sendProblem } from '../http/problems.ts'
import { logRequest } from '../http/request-log.ts'
import { problem } from '../openapi/responses.ts'

const Status = Type.Object(
  {
    status: Type.Enum(['ok'], { description: 'Always `ok`' }),
    version: Type.String({ description: 'Version of the service', examples: ['0.1.0'] }),
  },
  { $id: 'ServiceStatus', description: 'The service works' },
)
const Readiness = Type.Object(
  {
    ...Status.properties,
    warnings: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'What an operator should correct, such as a clock that differs from the clock of the database by more than 5 s',
        examples: [[]],
      }),
    ),
  },
  { $id: 'ServiceReadiness', description: 'The service is ready' },
)
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
        description: 'Succeeds while the process responds.',
        security,
        response: { 200: Status },
      },
    },
    async () => ({ status: 'ok' as const, version }),
  )

  let checking: Promise<string[]> | undefined
  /** Concurrent requests share one check: the route needs no key and has no rate limit. */
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
        description: 'Succeeds if the database responds and has all migrations, and the queue accepts jobs.',
        security,
        response: {
          200: Readiness,
          503: problem('The service is not ready; `detail` names the failed dependency'),
        },
      },
    },
    async (request, reply) => {
      try {
        const warnings = await checkOnce()
        return { status: 'ok' as const, version, ...(warnings.length > 0 && { warnings }) }
      } catch (error) {
        logRequest(request, 'warn', { err: error }, 'not ready')
        const detail = error instanceof NotReadyError ? error.message : 'a part of the service does not work'
        return sendProblem(reply, { status: 503, detail })
      }
    },
  )
}
