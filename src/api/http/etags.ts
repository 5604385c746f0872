import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { digest } from '../../encoding/canonical-json.ts'
import type { Revision, Versioned } from '../../operations/context.ts'
import type { Caller } from '../../store/access/keys.ts'
import { isEverything } from '../../store/query/target-scope.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Adds a strong ETag: a hash of a whole body, or what the route sets for a stream. */
    etag?: true
  }
}

/**
 * Adds strong ETags (RFC 9110 section 8.8.3) to responses of routes with `etag`, and sends 304 for a matching `If-None-Match`.
 * Hashes whole bodies; a stream has the ETag that its route sets with setStreamEtag(), or none.
 */
export function registerEtags(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.routeOptions.config.etag !== true || reply.statusCode !== 200) return payload
    if (!reply.hasHeader('etag') && typeof payload === 'string') reply.header('etag', hashOf(reply, payload))
    const etag = reply.getHeader('etag')
    if (etag === undefined) return payload
    reply.header('cache-control', 'private, no-cache').header('vary', 'accept')
    if (!isKnown(request, String(etag))) return payload
    // A stream that was never read has queried nothing.
    if (isStream(payload)) payload.destroy()
    reply.code(304).removeHeader('content-type')
    return null
  })
}

const isStream = (payload: unknown): payload is { destroy(): void } =>
  typeof (payload as { destroy?: unknown } | null)?.destroy === 'function'

/** Media type and next link are part of the representation. */
function hashOf(reply: FastifyReply, payload: string): string {
  const head = JSON.stringify([reply.getHeader('content-type') ?? null, reply.getHeader('link') ?? null])
  return quote(createHash('sha256').update(head).update(payload).digest('hex'))
}

/** Sets the ETag of a stream that `parts` determine. Not for limited keys, whose view depends on labels, too. */
export function setStreamEtag(reply: FastifyReply, ...parts: readonly unknown[]): void {
  if (isEverything(reply.request.caller.targetScope)) reply.header('etag', quote(digest(parts)))
}

const quote = (sha256: string) => `"${sha256.slice(0, 32)}"`

/** Whether `If-None-Match` names the ETag (RFC 9110 section 13.1.2). */
function isKnown({ headers }: FastifyRequest, etag: string): boolean {
  const named = headers['if-none-match']
  return named !== undefined && names(named, etag)
}

// Proxies that compress weaken a tag (nginx, HAProxy) or append the coding (Apache, Jetty and others).
const compressedTag = /^(?:W\/)?"([^"]*?)(?:[-;:]+(?:x-)?(?:gzip|br|deflate|zstd|compress))?"$/i

/** Whether a list names the ETag, also as a proxy that compresses responses changed it. Tags identify rows, not bytes. */
export const names = (list: string, etag: string): boolean =>
  list
    .split(',')
    .map((tag) => tag.trim().replace(compressedTag, '"$1"'))
    .some((tag) => tag === '*' || tag === etag)

/** For operations that put a resource. */
export const IfNoneMatch = Type.Object({
  'if-none-match': Type.Optional(
    Type.String({ maxLength: 1000, description: '`*`: refused (412) if there is one already', examples: ['*'] }),
  ),
})

/** For operations that change a resource with an ETag. */
export const IfMatch = Type.Object({
  ...IfNoneMatch.properties,
  'if-match': Type.Optional(
    Type.String({
      maxLength: 1000,
      description:
        'The ETag that was read, also as a proxy that compresses has changed it; the change is refused (412) if the resource has changed since',
      examples: ['"1795312800000-3"'],
    }),
  ),
})

/** Without the id, which would reveal the number of rows. */
export const versionTag = ({ createdAt, version }: Versioned): string => `"${Number(new Date(createdAt))}-${version}"`

interface Preconditions {
  'if-match'?: string
  'if-none-match'?: string
}

/** The actor, and the checks of `If-Match` and `If-None-Match` (RFC 9110, 13.1.1 and 13.1.2). */
export const revisionOf = (
  { keyId }: Caller,
  { 'if-match': named, 'if-none-match': excluded }: Preconditions,
): Revision => ({
  actor: keyId,
  mustBeNew: excluded?.trim() === '*',
  isExpected(current) {
    if (current === undefined) return named === undefined
    const is = (list: string) => names(list, versionTag(current))
    return (named === undefined || is(named)) && (excluded === undefined || !is(excluded))
  },
})
