import type { FastifyRequest } from 'fastify'
import { digest } from '../domain/canonical.ts'

/** A strong ETag (RFC 9110 section 8.8.3) of what decides every byte of an answer. */
export const etagOf = (...parts: readonly unknown[]): string => `"${digest(parts).slice(0, 32)}"`

/** Whether the caller has this already: it names the ETag in `If-None-Match` (RFC 9110 section 13.1.2). */
export function isKnown({ headers }: FastifyRequest, etag: string): boolean {
  const named = headers['if-none-match']
  if (named === undefined) return false
  const tags = named.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}
