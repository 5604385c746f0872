import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import type { ServerParts } from '../context.ts'
import { documentedPolicy } from '../routes/policies/schemas.ts'
import { describeAccess } from './access.ts'
import { type Components, createComponents } from './components.ts'
import { documentHead } from './document.ts'
import { addExamples } from './examples.ts'
import { describeHeaders } from './response-headers.ts'
import { describeBody, describeResponses } from './responses.ts'
import { auditCallbacks, webhookEvents } from './webhook-events.ts'

/** Describes every route that is registered afterwards; `app.swagger()` returns the document. */
export async function describeRoutes(
  app: FastifyInstance,
  { version, listening }: Pick<ServerParts, 'version' | 'listening'>,
): Promise<void> {
  const components = createComponents()
  const describe = (schema: FastifySchema, route: RouteOptions) =>
    describeResponses(components.refer(describeBody(describeAccess(withoutDefaults(schema), route), route)))

  await app.register(swagger, {
    openapi: documentHead(version, listening.pathPrefix),
    transform: ({ schema, url, route }) => ({ url, schema: schema && describe(schema, route) }),
    transformObject: (made) => complete('openapiObject' in made ? (made.openapiObject as Document) : {}, components),
  })
}

interface Document {
  paths?: Record<string, { post?: object }>
  components?: object
}

/** Adds the named schemas, and what follows from them, to a document whose operations refer to them. */
function complete(document: Document, { schemas, refer }: Components): object {
  const webhooks = refer(webhookEvents())
  Object.assign(document.paths?.['/v1/audits']?.post ?? {}, { callbacks: refer(auditCallbacks()) })
  // Handlers accept any value as a policy and check it themselves.
  const named: Record<string, unknown> = { ...schemas, PolicyDocument: refer(documentedPolicy) }
  const sorted = Object.fromEntries(Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1)))
  const whole = { ...document, webhooks, components: { ...document.components, schemas: sorted } }
  return describeHeaders(addExamples(whole))
}

/** A field with a default is not required in a request. */
const withoutDefaults = (schema: FastifySchema): FastifySchema => ({
  ...schema,
  ...(schema.body ? { body: mayLackDefaults(schema.body) } : {}),
  ...(schema.querystring ? { querystring: mayLackDefaults(schema.querystring) } : {}),
})

function mayLackDefaults(schema: unknown): unknown {
  const { properties, required, ...rest } = schema as {
    properties?: Record<string, { default?: unknown }>
    required?: string[]
  }
  if (!properties || !required) return schema
  return { ...rest, properties, required: required.filter((name) => properties[name]?.default === undefined) }
}
