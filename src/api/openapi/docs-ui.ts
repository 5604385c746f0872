import swaggerUi, { type FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { docsPolicy } from '../http/security-headers.ts'
import { toOpenApi30 } from './openapi-3.0.ts'

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#14532d"/><path d="M4 7V4h8v3M4 9v3h8V9M8 3v10" fill="none" stroke="#fff" stroke-width="1.5"/></svg>'

const page: FastifySwaggerUiOptions = {
  routePrefix: '/docs',
  staticCSP: docsPolicy,
  theme: {
    title: 'Portwarden API',
    favicon: [{ filename: 'icon.svg', rel: 'icon', type: 'image/svg+xml', sizes: 'any', content: icon }],
  },
  // Without the bar of Swagger UI; with scopes and limits, which are extensions.
  uiConfig: { layout: 'BaseLayout', showExtensions: true, defaultModelsExpandDepth: 0 },
}

/** Serves the OpenAPI documents, and the page at /docs that shows them. Each is rendered once, on the first request. */
export async function serveDocs(app: FastifyInstance, pathPrefix: string): Promise<void> {
  const json = once(() => Buffer.from(JSON.stringify(app.swagger())))
  const json30 = once(() => Buffer.from(JSON.stringify(toOpenApi30(app.swagger()))))
  const yaml = once(() => Buffer.from(app.swagger({ yaml: true })))
  const sendJson = (reply: FastifyReply, document: () => Buffer) =>
    reply.type('application/json; charset=utf-8').send(document())

  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => sendJson(reply, json))
  app.get('/openapi-3.0.json', { schema: { hide: true } }, async (_request, reply) => sendJson(reply, json30))
  const preHandler = async ({ routeOptions }: FastifyRequest, reply: FastifyReply) => {
    if (routeOptions.url === '/docs/json') return sendJson(reply, json)
    if (routeOptions.url === '/docs/yaml') return reply.type('application/x-yaml').send(yaml())
  }
  await app.register(swaggerUi, { ...page, indexPrefix: pathPrefix, uiHooks: { preHandler } })
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
