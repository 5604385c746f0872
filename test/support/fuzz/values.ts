import fc from 'fast-check'
import { builtInPolicies } from '../../../src/policies/built-in.ts'
import { ports } from '../app.ts'
import { deref, type Schema } from './document.ts'

/** Stands for something that the service knows at the time of the request: the nth name or id of a collection. */
export const knownAs = (collection: string, index: number) => `§${collection}§${index}§`

const nul = 'a\u0000b'
const hostileTexts = [
  '',
  ' ',
  nul,
  'a\ud800b',
  '\u202eevil',
  '\u001b[2J',
  '=1+1',
  '../../etc/passwd',
  '%00',
  '%2e%2e',
  '‮',
  "' OR 1=1 --",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of policies
  '${openPort}',
  '__proto__',
  'constructor',
  'toString',
  'null',
  '0',
  '1e999',
  '9999-12-31T23:59:59Z',
  '0000-01-01T00:00:00Z',
  '2026-12-31T23:59:60Z',
  '10000-01-01T00:00:00Z',
  'audit:00000000-0000-0000-0000-000000000000',
  'baseline:x',
  '00000000-0000-0000-0000-000000000000',
  'ⅫⅫ',
  'x'.repeat(300),
  'ü'.repeat(5_000),
]
const hugeNumbers = [1e308, -1e308, 2 ** 53, -(2 ** 53), 2 ** 31, -(2 ** 31) - 1, 2 ** 63, 1e-320, -0, 0.1]

/** An object with a key that must not become a prototype. */
const poisoned = (value: unknown) =>
  fc
    .constantFrom('__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toJSON')
    .map((key) => Object.fromEntries([[key, value]]))

function nest(depth: number): unknown {
  let value: unknown = []
  for (let i = 0; i < depth; i += 1) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

/** Anything that JSON can say, and mostly what it should not. */
export const wild: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostileTexts) },
  { weight: 2, arbitrary: fc.constantFrom(...hugeNumbers) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null]) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: poisoned({ admin: true }) },
  { weight: 1, arbitrary: fc.constantFrom(40, 1_000).map(nest) },
)

/** What a field may be where its schema lets the service wait for long: nothing else. */
const brief: Record<string, readonly unknown[]> = {
  waitSeconds: [0],
  prefer: ['wait=0', 'respond-async', 'wait=-1, x', 'wait='],
}

/** What else a valid value can be, by the name of its field: so that nothing leads elsewhere. */
const gentle: Record<string, readonly unknown[]> = {
  address: ['127.0.0.1', '127.0.0.2', '::1', '192.0.2.1', '2001:db8::1', 'localhost'],
  url: ['http://127.0.0.1:9/hook', 'https://127.0.0.1:9/hook?a=b', 'http://[::1]:9/'],
  callbackUrl: ['http://127.0.0.1:9/hook', 'https://localhost:9/'],
  cron: ['30 2 * * *', '*/5 * * * 1-5', '0 0 29 2 *'],
  timeZone: ['UTC', 'Europe/Berlin', 'Pacific/Apia'],
  params: [{ openPort: 9, closedPort: 9 }, { openPort: 9, closedPort: 22, httpsPort: 443 }, {}],
  from: ['2026-11-01T00:00:00Z', knownAs('times', 0), knownAs('times', 1), knownAs('times', 2)],
  to: ['2026-12-01T00:00:00Z', knownAs('times', 0), knownAs('times', 1), knownAs('times', 2)],
  at: ['2026-11-20T00:00:00Z', knownAs('times', 3)],
  label: ['site:hq', 'a:b'],
}

const pluralOf = (name: string) => (name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`)

/** Values that a schema accepts, of which some name what the service has; `name` is that of the field. */
export function valid(schema: Schema, name = ''): fc.Arbitrary<unknown> {
  const { examples } = deref(schema)
  const made = byShape(deref(schema), name)
  if (brief[name]) return fc.constantFrom(...brief[name])
  const hints = gentle[name]
  if (hints) return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...hints) }, { weight: 1, arbitrary: made })
  if (deref(schema).type === 'string' && !deref(schema).enum) {
    const collection = name.endsWith('s') ? name : pluralOf(name)
    const known = fc.nat(5).map((index) => knownAs(collection, index))
    const shown = examples ? fc.constantFrom(...examples) : made
    return fc.oneof({ weight: 5, arbitrary: known }, { weight: 1, arbitrary: shown }, { weight: 2, arbitrary: made })
  }
  if (!examples) return made
  return fc.oneof({ weight: 3, arbitrary: made }, { weight: 1, arbitrary: fc.constantFrom(...examples) })
}

function byShape(schema: Schema, name: string): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) return fc.oneof(...branches.map((branch) => valid(branch, name)))
  const types = Array.isArray(schema.type) ? schema.type : [schema.type]
  return fc.oneof(...types.map((type) => ofType(type, schema, name)))
}

function ofType(type: string | undefined, schema: Schema, name: string): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer': {
      const min = Math.max(schema.minimum ?? -(2 ** 31), -(2 ** 53) + 1)
      return fc.integer({ min, max: Math.min(schema.maximum ?? Math.max(2 ** 31, min), 2 ** 53 - 1) })
    }
    case 'number':
      return fc.double({
        noNaN: true,
        noDefaultInfinity: true,
        min: schema.minimum ?? -1e6,
        max: schema.maximum ?? 1e6,
      })
    case 'string':
      return text(schema)
    case 'array':
      return list(schema, name)
    case 'object':
      return object(schema)
    default:
      return fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom<unknown>(ports, ...builtInPolicies()) },
        { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
      )
  }
}

const texts = new Map<string, fc.Arbitrary<string>>()

/** Made once for all fields that are alike: it costs a thousand times what one of its texts does. */
function text({ format, pattern, minLength, maxLength }: Schema): fc.Arbitrary<string> {
  const key = JSON.stringify([format, pattern, minLength, maxLength])
  const made = texts.get(key) ?? makeText({ format, pattern, minLength, maxLength })
  texts.set(key, made)
  return made
}

function makeText({ format, pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid()
  if (format === 'date-time')
    return fc
      .date({ min: new Date('2026-11-01'), max: new Date('2026-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString())
  if (format === 'uri') return fc.constantFrom('http://127.0.0.1:9/', 'https://localhost:9/x')
  const fits = (made: string) => made.length >= minLength && made.length <= maxLength
  if (pattern) return fc.stringMatching(new RegExp(pattern)).filter(fits)
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) })
}

function list({ items = {}, minItems = 0, maxItems = 4, uniqueItems }: Schema, name: string): fc.Arbitrary<unknown> {
  const bounds = { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 4)) }
  const item = valid(items, name)
  return uniqueItems
    ? fc.uniqueArray(item, { ...bounds, selector: (value) => JSON.stringify(value) })
    : fc.array(item, bounds)
}

function object({
  properties = {},
  required = [],
  propertyNames: { pattern } = {},
  additionalProperties,
  minProperties,
}: Schema) {
  const fields = Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, valid(schema, key)]))
  const known = fc.record(fields, { requiredKeys: required.filter((key) => key in fields) })
  const more = typeof additionalProperties === 'object' ? additionalProperties : undefined
  if (!more) return known
  const key = pattern ? fc.stringMatching(new RegExp(pattern)) : fc.constantFrom('site', 'a', 'openPort')
  const others = fc.dictionary(key, valid(more), { minKeys: minProperties ?? 0, maxKeys: 3 })
  return fc.tuple(others, known).map(([loose, strict]) => ({ ...loose, ...(strict as object) }))
}
