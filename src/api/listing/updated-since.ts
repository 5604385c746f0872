import type { FastifyReply } from 'fastify'
import { type TSchema, Type } from 'typebox'
import type { Stores } from '../../store/db/stores.ts'
import { aTime, decodeCursor, encodeCursor, type Page, type PageRequest } from '../../store/query/cursor-page.ts'
import { nameOf, nullable, pageOf, TimeInput, Timestamp } from '../openapi/schemas.ts'

/** The query of a listing that can be read incrementally. */
export const RefreshQuery = {
  updatedSince: Type.Optional(
    TimeInput(
      'Returns only items that were written at this time or later. Send the `asOf` of the previous reading: no change is missed, also none that was being written then; some items can be returned twice',
    ),
  ),
}

/** A page of such a listing. */
export const refreshedPageOf = <S extends TSchema>(item: S) =>
  Type.Object(
    {
      asOf: Type.Optional(
        Timestamp(
          'Only with `updatedSince`: the `updatedSince` of the next reading. All pages of one reading have the same value',
        ),
      ),
      ...pageOf(item).properties,
    },
    { $id: `${nameOf(item)}Page` },
  )

interface Refresh extends PageRequest {
  updatedSince?: string
}

export interface RefreshedPage extends PageRequest {
  since?: Date
}

/**
 * Fetches a page of the changes since `updatedSince`, or of everything without it. `asOf` is set before the first page and kept
 * in the cursor, so that changes during the reading are not missed.
 */
export async function fetchRefreshed<T>(
  stores: Stores,
  { updatedSince, cursor, limit }: Refresh,
  fetchPage: (page: RefreshedPage) => Promise<Page<T>>,
): Promise<Page<T> & { asOf?: string }> {
  if (updatedSince === undefined) return fetchPage({ limit, cursor })
  const since = new Date(updatedSince)
  const [asOf, rest] = decodeCursor(cursor, [aTime, '']) ?? [await stores.changes.asOf()]
  const { items, next } = await fetchPage({ since, limit, cursor: rest })
  return { asOf, items, next: next === null ? null : encodeCursor([asOf, next]) }
}

/** The head of a streamed listing, with `asOf`; for formats other than JSON also as a header. */
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

export const retiredAt = nullable(Timestamp('When the target was retired'), {
  description: 'When the target was retired; retired targets are listed only with `updatedSince`',
  examples: [null],
})
