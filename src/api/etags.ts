import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { digest } from '../domain/canonical.ts'
import { sendProblem } from './problems.ts'

/** A strong ETag (RFC 9110 section 8.8.3) of what decides every byte of an answer. */
export const etagOf = (...parts: readonly unknown[]): string => `"${digest(parts).slice(0, 32)}"`

/** Whether the caller has this already: it names the ETag in `If-None-Match` (RFC 9110 section 13.1.2). */
export function isKnown({ headers }: FastifyRequest, etag: string): boolean {
  const named = headers['if-none-match']
  if (named === undefined) return false
  const tags = named.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}

/** A row that counts its changes. */
interface Versioned {
  createdAt: string
  version: number
}

/** On every operation that changes what has an ETag. */
export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({ maxLength: 100, description: 'The ETag that was read: refuses to overwrite a later change' }),
  ),
})

/** The ETag of a row. Its id would tell how many others there are. */
export const versionTag = ({ createdAt, version }: Versioned): string => `"${Date.parse(createdAt)}-${version}"`

/** Whether a change may go on: the caller named no ETag, or names the current one (RFC 9110 section 13.1.1). */
export const matches = (ifMatch: string | undefined, current: Versioned | undefined): boolean =>
  ifMatch === undefined ||
  (current !== undefined && (ifMatch === '*' || ifMatch.split(/\s*,\s*/).includes(versionTag(current))))

/** Refuses a change, because what it is about was changed since it was read. */
export const stale = (reply: FastifyReply) =>
  sendProblem(reply, { status: 412, detail: 'this is not what If-Match names: it was changed since, read it again' })
