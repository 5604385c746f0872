import type { FastifySchema, RouteOptions } from 'fastify'
import { scopesFor } from '../../domain/access/scopes.ts'

/**
 * For OpenAPI: the scopes of which one is enough as `x-portwarden-scopes`, and `x-portwarden-limited` on operations for keys that
 * are limited to targets. The security schemes of OpenAPI 3.0 cannot name scopes of a bearer key.
 */
export function describeAccess(schema: FastifySchema, { config }: RouteOptions): FastifySchema {
  if (config?.scope === undefined) return schema
  const scopes = scopesFor(config.scope)
  const alternatives = scopes
    .map((scope) => `\`${scope}\``)
    .join(', ')
    .replace(/, (?!.*, )/, ' or ')
  const sentence = scopes.length > 0 ? `Required scope: ${alternatives}.` : 'Every valid key may call it.'
  return {
    ...schema,
    description: schema.description ? `${schema.description}\n\n${sentence}` : sentence,
    security: [{ key: [] }],
    'x-portwarden-scopes': scopes,
    ...(config.limited ? { 'x-portwarden-limited': true } : {}),
  } as FastifySchema
}
