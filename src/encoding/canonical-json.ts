import { createHash } from 'node:crypto'

/**
 * The one JSON text of a value, RFC 8785: members sorted by UTF-16 code units, numbers and strings as ECMAScript writes them.
 * Members that are undefined are left out. Throws a TypeError on what JSON cannot hold, lone surrogates included.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (typeof value === 'string' && value.isWellFormed()) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (isPlainObject(value)) {
    // Array.sort without a comparator is by UTF-16 code units, which is what section 3.2.3 asks for.
    const names = Object.keys(value)
      .filter((name) => value[name] !== undefined)
      .sort()
    return `{${names.map((name) => `${canonicalJson(name)}:${canonicalJson(value[name])}`).join(',')}}`
  }
  throw new TypeError(`no JSON value: ${describe(value)}`)
}

/** SHA-256 of the canonical JSON of a value, hexadecimal: equal content has an equal digest. */
export const digest = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex')

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const describe = (value: unknown) =>
  typeof value === 'string'
    ? 'text with a lone surrogate'
    : typeof value === 'object'
      ? 'an object of a class'
      : String(value)
