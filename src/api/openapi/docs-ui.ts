import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { docsPolicy } from '../http/security-headers.ts'
import { toOpenApi30 } from './openapi-3.0.ts'

/**
 * The OpenAPI document at /openapi.json, in version 3.0 at /openapi-3.0.json, and the page that shows it at /docs. Anybody may ask for them, and take their time to read: the
 * document is rendered once, and all answers share its bytes.
 */
export async function serveDocs(app: FastifyInstance): Promise<void> {
  const json = once(() => Buffer.from(JSON.stringify(app.swagger())))
  const yaml = once(() => Buffer.from(app.swagger({ yaml: true })))
  const sendDocument = (reply: FastifyReply) => reply.type('application/json; charset=utf-8').send(json())

  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => sendDocument(reply))
  const older = once(() => Buffer.from(JSON.stringify(toOpenApi30(app.swagger()))))
  app.get('/openapi-3.0.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(older()),
  )
  const preHandler = async ({ routeOptions }: FastifyRequest, reply: FastifyReply) => {
    if (routeOptions.url === '/docs/json') return sendDocument(reply)
    if (routeOptions.url === '/docs/yaml') return reply.type('application/x-yaml').send(yaml())
  }
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: docsPolicy, uiHooks: { preHandler } })
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
