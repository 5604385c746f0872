import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import { describeNeed } from '../http/auth.ts'
import { type Components, createComponents } from './components.ts'
import { withoutDefaults } from './docs-ui.ts'
import { documentHead } from './document.ts'
import { describeHeaders } from './response-headers.ts'
import { describeBody, describeResponses } from './schemas.ts'
import { describeCallback } from './webhook-events.ts'

/** Describes every route that is registered afterwards; `app.swagger()` returns the document. */
export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  const { schemas, refer } = createComponents()
  const describe = (schema: FastifySchema, route: RouteOptions) =>
    describeResponses(refer(describeBody(describeNeed(withoutDefaults(schema), route), route)))

  await app.register(swagger, {
    openapi: documentHead(version),
    transform: ({ schema, url, route }) => ({ url, schema: schema && describe(schema, route) }),
    transformObject: (made) =>
      complete(describeHeaders(describeCallback('openapiObject' in made ? made.openapiObject : {})), {
        schemas,
        refer,
      }),
  })
}

/** Adds the named schemas to a document in which operations refer to them. */
function complete(document: { webhooks?: unknown; components?: object }, { schemas, refer }: Components): object {
  const webhooks = refer(document.webhooks)
  const byName = Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...document, webhooks, components: { ...document.components, schemas: Object.fromEntries(byName) } }
}
