import { hash } from 'node:crypto'

/** The canonical JSON of a value, RFC 8785, without undefined members. Throws TypeError for values that JSON cannot hold. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (typeof value === 'string' && value.isWellFormed()) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (isPlainObject(value)) {
    const names = Object.keys(value)
    if (!isSorted(names)) names.sort() // section 3.2.3: UTF-16 code unit order, as Array.sort has
    let members = ''
    for (const name of names) {
      const member = value[name]
      if (member !== undefined) members += `${members === '' ? '' : ','}${canonicalJson(name)}:${canonicalJson(member)}`
    }
    return `{${members}}`
  }
  throw new TypeError(`no JSON value: ${describe(value)}`)
}

/** SHA-256 of the canonical JSON of a value, hexadecimal. */
export const digest = (value: unknown): string => hash('sha256', canonicalJson(value))

const isSorted = (names: readonly string[]) => names.every((name, i) => i === 0 || (names[i - 1] as string) < name)

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
