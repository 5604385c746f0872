import { Type } from 'typebox'
import { aTime, decodeCursor, encodeCursor, type PageRequest } from '../../store/query/cursor-page.ts'
import { TimeInput } from '../openapi/schemas.ts'

/** The query of a listing of what was true at a point in time. */
export const PointInTimeQuery = {
  at: Type.Optional(TimeInput('Point in time; default: now', '2026-11-22T12:00:00Z', 'end')),
}

interface PointInTimePage extends PageRequest {
  at?: string
}

/** Fetches a page of what was true `at` a time, by default now; later pages keep the time of the first. */
export async function fetchAt<P extends { next: string | null }>(
  { at, cursor, limit }: PointInTimePage,
  now: Date,
  fetchPage: (at: Date, page: PageRequest) => Promise<P>,
): Promise<{ at: string } & P> {
  const [first, rest] = decodeCursor(cursor, [aTime, '']) ?? []
  const time = new Date(first ?? at ?? now)
  const page = await fetchPage(time, { limit, cursor: rest })
  const next = page.next === null ? null : encodeCursor([time.toISOString(), page.next])
  return { at: time.toISOString(), ...page, next }
}
