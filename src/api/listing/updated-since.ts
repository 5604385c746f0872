import type { FastifyReply } from 'fastify'
import { type TSchema, Type } from 'typebox'
import type { Stores } from '../../store/db/stores.ts'
import { aTime, decodeCursor, encodeCursor, type Page, type PageRequest } from '../../store/query/cursor-page.ts'
import { nullable, pageOf, Timestamp } from '../openapi/schemas.ts'

/** Of a listing that can be read again in part. */
export const RefreshQuery = {
  updatedSince: Type.Optional(
    Type.String({
      format: 'date-time',
      description:
        'Only what was written at that time or later. Send the `asOf` of the answer before: then nothing is missed, not even what was being written meanwhile; some comes twice',
    }),
  ),
}

/** A page of such a listing. */
export const refreshedPageOf = <S extends TSchema>(item: S) =>
  Type.Object(
    {
      asOf: Type.Optional({
        ...Timestamp,
        description: 'With `updatedSince`: what to send as such next time. It is the same on all pages of one reading',
      } as typeof Timestamp),
      ...pageOf(item).properties,
    },
    { $id: `${(item as { $id?: string }).$id}Page` },
  )

interface Refresh extends PageRequest {
  updatedSince?: string
}

/** What a store is asked for. */
export interface RefreshedPage extends PageRequest {
  since?: Date
}

/**
 * Fetches a page of what changed since `updatedSince`, or of everything without it. The moment is taken before the first page
 * is read, and travels in the cursor: who reads page by page must not miss what changed behind it.
 */
export async function fetchRefreshed<T>(
  stores: Stores,
  { updatedSince, cursor, limit }: Refresh,
  fetchPage: (page: RefreshedPage) => Promise<Page<T>>,
): Promise<Page<T> & { asOf?: string }> {
  if (updatedSince === undefined) return fetchPage({ limit, ...(cursor === undefined ? {} : { cursor }) })
  const since = new Date(updatedSince)
  const [asOf, rest] = decodeCursor(cursor, [aTime, '']) ?? [await stores.changes.asOf()]
  const { items, next } = await fetchPage({ since, limit, ...(rest === undefined ? {} : { cursor: rest }) })
  return { asOf, items, next: next === null ? null : encodeCursor([asOf, next]) }
}

/** What a stream of such a listing begins with; where it is no JSON, a header says the `asOf`. */
export async function refreshedStream(
  reply: FastifyReply,
  stores: Stores,
  { updatedSince }: Pick<Refresh, 'updatedSince'>,
): Promise<{ since?: Date; head: { asOf?: string } }> {
  if (updatedSince === undefined) return { head: {} }
  const asOf = await stores.changes.asOf()
  reply.header('portwarden-as-of', asOf)
  return { since: new Date(updatedSince), head: { asOf } }
}

/** A time that is there only once something has come to pass. */
export const retiredAt = nullable({
  ...Timestamp,
  description: 'Since when it is retired; only with `updatedSince` retired ones are listed',
} as typeof Timestamp)
