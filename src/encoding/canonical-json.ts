import { createHash } from 'node:crypto'

/** The canonical JSON of a value, RFC 8785, without undefined members. Throws TypeError for values that JSON cannot hold. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (typeof value === 'string' && value.isWellFormed()) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (isPlainObject(value)) {
    // Section 3.2.3: UTF-16 code unit order, as Array.sort has.
    const names = Object.keys(value)
      .filter((name) => value[name] !== undefined)
      .sort()
    return `{${names.map((name) => `${canonicalJson(name)}:${canonicalJson(value[name])}`).join(',')}}`
  }
  throw new TypeError(`no JSON value: ${describe(value)}`)
}

/** SHA-256 of the canonical JSON of a value, hexadecimal. */
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
