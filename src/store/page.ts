/** A page of a keyset listing: `next` continues after its last item, null where nothing follows. */
export interface Page<T> {
  items: T[]
  next: string | null
}

/** Thrown for a cursor that this listing did not give out. */
export class InvalidCursorError extends Error {}

/** Makes an opaque cursor of the sort key of a row. */
export const encodeCursor = (key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url')

/** Reads a cursor back; `shape` holds an example of each part of the key. */
export function decodeCursor<K extends (string | number)[]>(cursor: string | undefined, shape: K): K | undefined {
  if (cursor === undefined) return undefined
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const fits =
      Array.isArray(key) && key.length === shape.length && shape.every((part, i) => typeof key[i] === typeof part)
    if (fits) return key as K
  } catch {
    // falls through: unreadable is as wrong as misshapen
  }
  throw new InvalidCursorError('not a cursor of this listing: take it from the field `next` of its last answer')
}

/** Cuts a listing that was asked for one row more than the page holds. */
export function cutPage<R, T>(
  rows: readonly R[],
  limit: number,
  parts: { keyOf: (row: R) => (string | number)[]; toItem: (row: R) => T },
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(parts.toItem), next: rows.length > limit && last ? encodeCursor(parts.keyOf(last)) : null }
}
