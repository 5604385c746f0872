/** A place in a document, from its top: names of members and indexes of items. */
export type Path = readonly (string | number)[]

/** The place as a JSON Pointer (RFC 6901); the empty pointer is the whole document. */
export const pointerTo = (path: Path): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
