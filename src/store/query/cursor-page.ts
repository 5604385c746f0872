/** A page of a keyset listing: `next` continues after its last item, null where nothing follows. */
export interface Page<T> {
  items: T[]
  next: string | null
}

/** A cursor of no page of this listing. */
export class InvalidCursorError extends Error {}

/** The opaque cursor of a sort key. */
export const encodeCursor = (key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url')

/** A cursor holds one of these where the key has a time or the id of an audit: examples for `decodeCursor`. */
export const aTime = '2026-01-01T00:00:00.000Z'
export const aUuid = '019b7600-0000-7000-8000-000000000000'

/** Reads a cursor back; `shape` holds an example of each part of the key: a number, any text, a time, an id. */
export function decodeCursor<K extends (string | number)[]>(cursor: string | undefined, shape: K): K | undefined {
  if (cursor === undefined) return undefined
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(key) && key.length === shape.length && shape.every((part, i) => isLike(part, key[i]))) {
      return key as K
    }
  } catch {
    // falls through: unreadable is as wrong as misshapen
  }
  throw new InvalidCursorError('not a cursor of this listing: take it from the field `next` of its last response')
}

// PostgreSQL would fail on what is not, and a cursor comes from outside.
function isLike(example: string | number, part: unknown): boolean {
  if (typeof example === 'number') return Number.isInteger(part) && Math.abs(Number(part)) < 2 ** 31
  if (typeof part !== 'string' || !part.isWellFormed() || part.includes('\0')) return false
  if (example === aUuid) return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(part)
  return example !== aTime || (/^\d{4}-.*Z$/.test(part) && !Number.isNaN(Date.parse(part)))
}

/** Cuts a page from `limit + 1` rows. */
export function cutPage<R, T>(
  rows: readonly R[],
  limit: number,
  parts: { keyOf: (row: R) => (string | number)[]; toItem: (row: R) => T },
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(parts.toItem), next: rows.length > limit && last ? encodeCursor(parts.keyOf(last)) : null }
}

/** A page; without a cursor the first. */
export interface PageRequest {
  cursor?: string
  limit: number
}

/** Rows of a page: fewer where many walks share the memory of the process, for a walk may be read slowly, or not at all. */
const rowsOfPage = { most: 5_000, least: 200, ofAllWalks: 50_000 }
let walks = 0
const pageSize = () => Math.max(rowsOfPage.least, Math.min(rowsOfPage.most, Math.floor(rowsOfPage.ofAllWalks / walks)))

/** Pages that are fetched while one is used: with two, neither the database nor who uses them waits for the other's turn. */
const ahead = 2

/** Pages that are read at one time in this process: each costs tens of milliseconds, for which `/livez` waits. */
const atOneTime = 2
let reading = 0
const waiting: (() => void)[] = []

async function inTurn<T>(read: () => Promise<T>): Promise<T> {
  if (reading < atOneTime) reading += 1
  else await new Promise<void>((resolve) => waiting.push(resolve))
  try {
    return await read()
  } finally {
    const next = waiting.shift()
    if (next) setImmediate(next)
    else reading -= 1
  }
}

/**
 * Walks a whole listing page by page. Memory holds one page and those that are fetched ahead, however long the listing is.
 * After `return`, no page is read any more, even if the first one is still waited for.
 */
export function eachPage<T>(fetchPage: (page: PageRequest) => Promise<Page<T>>): AsyncGenerator<T[], void> {
  let isOver = false
  const nothing: Page<T> = { items: [], next: null }
  const walk = walkPages<T>((page) => inTurn(() => (isOver ? Promise.resolve(nothing) : fetchPage(page))))
  const end = walk.return.bind(walk)
  walk.return = (value) => {
    isOver = true
    return end(value)
  }
  return walk
}

async function* walkPages<T>(fetchPage: (page: PageRequest) => Promise<Page<T>>): AsyncGenerator<T[], void> {
  walks += 1
  try {
    yield* pagesOf(fetchPage)
  } finally {
    walks -= 1
  }
}

async function* pagesOf<T>(fetchPage: (page: PageRequest) => Promise<Page<T>>): AsyncGenerator<T[], void> {
  const pages: Promise<Page<T>>[] = []
  let cursor: string | null | undefined
  let isFetching = false
  const fetchMore = () => {
    if (isFetching || cursor === null || pages.length === ahead) return
    isFetching = true
    const limit = pageSize()
    const page = fetchPage(cursor === undefined ? { limit } : { cursor, limit })
    pages.push(page)
    page.then(
      ({ next }) => {
        cursor = next
        isFetching = false
        fetchMore()
      },
      () => {}, // the next read rejects; after the last one it does not matter
    )
  }
  fetchMore()
  for (let page = pages.shift(); page; page = pages.shift()) {
    const { items } = await page
    fetchMore()
    yield items
  }
}
