import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { digest } from '../../encoding/canonical-json.ts'
import type { Revision, Versioned } from '../../operations/context.ts'
import type { Caller } from '../../store/access/keys.ts'
import { isEverything } from '../../store/query/target-scope.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its answers have a strong ETag where one is cheap: of what is sent whole by itself, of a stream if the route sets one. */
    etag?: true
  }
}

/**
 * Gives the answers of routes with `etag` a strong ETag (RFC 9110 section 8.8.3), and answers 304 to whoever names it in
 * `If-None-Match`. An answer that is sent whole is hashed: it is a page, or was in memory anyway. A stream is never hashed: its
 * ETag is what the route has set, made of versions and counters by setStreamEtag(), and without one it has none.
 */
export function registerEtags(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.routeOptions.config.etag !== true || reply.statusCode !== 200) return payload
    if (!reply.hasHeader('etag') && typeof payload === 'string') reply.header('etag', hashOf(reply, payload))
    const etag = reply.getHeader('etag')
    if (etag === undefined) return payload
    reply.header('cache-control', 'private, no-cache').header('vary', 'accept')
    if (!isKnown(request, String(etag))) return payload
    // Nothing was read for a stream that nobody has asked for a piece yet.
    if (isStream(payload)) payload.destroy()
    reply.code(304).removeHeader('content-type')
    return null
  })
}

const isStream = (payload: unknown): payload is { destroy(): void } =>
  typeof (payload as { destroy?: unknown } | null)?.destroy === 'function'

/** The media type and the link to the next page belong to what is answered. */
function hashOf(reply: FastifyReply, payload: string): string {
  const head = JSON.stringify([reply.getHeader('content-type') ?? null, reply.getHeader('link') ?? null])
  return quote(createHash('sha256').update(head).update(payload).digest('hex'))
}

/**
 * Sets the ETag of a stream: `parts` decide every byte of it. For a limited key labels of targets, which change, decide too: it
 * gets none.
 */
export function setStreamEtag(reply: FastifyReply, ...parts: readonly unknown[]): void {
  if (isEverything(reply.request.caller.targetScope)) reply.header('etag', quote(digest(parts)))
}

const quote = (sha256: string) => `"${sha256.slice(0, 32)}"`

/** Whether the caller has this already: it names the ETag in `If-None-Match` (RFC 9110 section 13.1.2). */
function isKnown({ headers }: FastifyRequest, etag: string): boolean {
  const named = headers['if-none-match']
  if (named === undefined) return false
  const tags = named.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}

/** On every operation that changes what has an ETag. */
export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'The ETag that was read; the change is refused (412) if the resource has changed since',
      examples: ['"1795312800000-3"'],
    }),
  ),
})

/** The ETag of a row. Its id would tell how many others there are. */
export const versionTag = ({ createdAt, version }: Versioned): string => `"${Number(new Date(createdAt))}-${version}"`

/** Who changes a row, and whether the row is the one that `If-Match` names (RFC 9110 section 13.1.1). */
export const revisionOf = ({ keyId }: Caller, { 'if-match': named }: { 'if-match'?: string }): Revision => ({
  actor: keyId,
  isExpected: (current) =>
    named === undefined ||
    (current !== undefined && (named === '*' || named.split(/\s*,\s*/).includes(versionTag(current)))),
})
