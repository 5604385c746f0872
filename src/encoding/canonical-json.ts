import { createHash, hash } from 'node:crypto'

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

/** Characters that are hashed together, and values of one step: a step takes about a millisecond. */
const charsPerUpdate = 64 * 1024
const valuesPerStep = 500

/** The same digest of what `JSON.stringify` makes of a value, in short steps. */
export function* digestSteps(value: unknown): Generator<void, string> {
  const sha256 = createHash('sha256')
  let text = ''
  let values = 0
  function* add(piece: string): Generator<void> {
    text += piece
    values += 1
    if (text.length < charsPerUpdate && values < valuesPerStep) return
    sha256.update(text)
    text = ''
    values = 0
    yield
  }
  function* addAll(value: unknown): Generator<void> {
    const plain = hasToJson(value) ? value.toJSON() : value
    if (Array.isArray(plain)) {
      yield* add('[')
      for (const [i, item] of plain.entries()) {
        if (i > 0) text += ','
        yield* addAll(item === undefined ? null : item)
      }
      text += ']'
    } else if (isPlainObject(plain)) {
      yield* add('{')
      const names = Object.keys(plain).filter((name) => plain[name] !== undefined)
      for (const [i, name] of names.sort().entries()) {
        text += `${i > 0 ? ',' : ''}${canonicalJson(name)}:`
        yield* addAll(plain[name])
      }
      text += '}'
    } else yield* add(canonicalJson(plain))
  }
  yield* addAll(value)
  return sha256.update(text).digest('hex')
}

const hasToJson = (value: unknown): value is { toJSON(): unknown } =>
  typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'

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
