import fc from 'fast-check'
import type { Operation, Parameter } from './document.ts'
import { bodies, queries } from './samples.ts'
import { knownAs, valid, wild } from './values.ts'

/** A request with `§collection§n§` where something known goes. */
export interface Draft {
  method: string
  path: string
  /** Whether the response may be endless. */
  streams: boolean
  /** By name; a value as it is written into the path, before it is encoded. */
  inPath: Record<string, string>
  query: [string, string][]
  headers: Record<string, string>
  body: unknown
  /** What is done to the text of the body, after it was written. */
  damage: Damage | undefined
  key: 'admin' | 'limited' | 'none' | 'wrong'
}

type Damage = { kind: (typeof damages)[number]; at: number }
const damages = ['cut', 'double', 'bytes', 'deep', 'tail', 'bom', 'nan', 'long', 'empty'] as const

const parts = ['inPath', 'query', 'headers', 'body', 'damage', 'key'] as const

/** Requests to an operation: such as it takes, such as it nearly takes (one part is odd), and such as it cannot take. */
export function requestsTo(operation: Operation): fc.Arbitrary<Draft> {
  const oddities = fc.oneof(
    { weight: 5, arbitrary: fc.constant<(typeof parts)[number][]>([]) },
    { weight: 5, arbitrary: fc.constantFrom('body' as const, ...parts).map((part) => [part]) },
    { weight: 1, arbitrary: fc.subarray([...parts]) },
  )
  // Made once for each set of odd parts: to make an arbitrary of texts costs a hundred times what a text of it costs.
  const made = new Map<string, fc.Arbitrary<Draft>>()
  return oddities.chain((odd) => {
    const key = odd.join()
    const arbitrary = made.get(key) ?? drafts(operation, new Set(odd))
    made.set(key, arbitrary)
    return arbitrary
  })
}

function drafts(operation: Operation, odd: ReadonlySet<(typeof parts)[number]>): fc.Arbitrary<Draft> {
  const [[mediaType, schema] = []] = Object.entries(operation.bodies)
  const sample = bodies[operation.name]
  const fitting = schema ? valid(schema) : fc.constant(undefined)
  const body = sample ? fc.oneof(fitting, fc.nat().map(sample)) : fitting
  const query = queryOf(parametersOf(operation, 'query'), odd.has('query'))
  const sampleQuery = queries[operation.name]
  const oddBody = fc.oneof({ weight: 3, arbitrary: mutated(body) }, { weight: 1, arbitrary: wild })
  return fc
    .record({
      inPath: fc.record(
        Object.fromEntries(
          parametersOf(operation, 'path').map((one) => [one.name, inPath(operation, one, odd.has('inPath'))]),
        ),
      ),
      query: sampleQuery ? fc.oneof(query, fc.constant(sampleQuery)) : query,
      headers: headersOf(parametersOf(operation, 'header'), Object.keys(operation.bodies), odd.has('headers')),
      body: odd.has('body') ? oddBody : body,
      damage: odd.has('damage')
        ? fc.record({ kind: fc.constantFrom(...damages), at: fc.nat(400) })
        : fc.constant(undefined),
      key: odd.has('key')
        ? fc.constantFrom<Draft['key']>('limited', 'limited', 'none', 'wrong')
        : fc.constant('admin' as const),
    })
    .map(({ headers, ...rest }) => ({
      ...rest,
      method: operation.method,
      path: operation.path,
      streams: 'text/event-stream' in (operation.responses['200']?.content ?? {}),
      // With a body comes what it is, unless the headers say otherwise.
      headers: rest.body === undefined ? headers : { 'content-type': mediaType ?? 'application/json', ...headers },
    }))
}

const parametersOf = ({ parameters }: Operation, location: Parameter['in']) =>
  parameters.filter((parameter) => parameter.in === location)

const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

const first20 = Array.from({ length: 20 }, (_, index) => index)
/** Of a collection, what is there from the beginning to the end, and has come to its own end. */
const lasting: Record<string, readonly string[]> = {
  webhooks: first20.map((index) => knownAs('pinged', index)),
  'webhooks with deliveries': ['callbacks'],
  windows: first20.map((index) => knownAs('requested', index)),
  audits: [knownAs('ended', 0)],
  deliveries: [0, 1, 2].map((index) => knownAs('dead', index)),
}

/** The collection that a parameter of a path is from: `webhooks` for `/v1/webhooks/{id}`. */
function inPath({ path }: Operation, { name, schema }: Parameter, odd: boolean): fc.Arbitrary<string> {
  const collection = path.split(`/{${name}}`)[0]?.split('/').at(-1) ?? ''
  const kind = collection === 'webhooks' && path.includes('/deliveries') ? 'webhooks with deliveries' : collection
  const known = fc.oneof(
    { weight: 3, arbitrary: fc.nat(12).map((index) => knownAs(collection, index)) },
    { weight: kind in lasting ? 1 : 0, arbitrary: fc.constantFrom(...(lasting[kind] ?? [''])) },
  )
  if (!odd) return known
  return fc.oneof(
    { weight: 1, arbitrary: known },
    { weight: 2, arbitrary: valid(schema, name).map(asText) },
    { weight: 1, arbitrary: wild.map(asText).filter((text) => text.isWellFormed() && text.length < 2_000) },
  )
}

function queryOf(parameters: Parameter[], isOdd: boolean): fc.Arbitrary<[string, string][]> {
  const one = (parameter: Parameter) => {
    const fitting = valid(parameter.schema, parameter.name)
    const value = isOdd ? fc.oneof({ weight: 4, arbitrary: fitting }, { weight: 1, arbitrary: wild }) : fitting
    const written = value.map((made): [string, string][] =>
      Array.isArray(made) ? made.map((item) => [parameter.name, asText(item)]) : [[parameter.name, asText(made)]],
    )
    return parameter.required ? written : fc.option(written, { freq: 1, nil: [] as [string, string][] })
  }
  const odd = fc.constantFrom<[string, string]>(
    ['unknown', 'x'],
    ['__proto__', 'x'],
    ['constructor[prototype][a]', 'x'],
    ['limit', '1'],
    ['limit', '0x10'],
    ['limit[]', '5'],
    ['', ''],
    ['format', 'xml'],
  )
  return fc
    .tuple(...parameters.map(one), isOdd ? odd.map((pair) => [pair]) : fc.constant([] as [string, string][]))
    .map((parts) => parts.flat())
}

function headersOf(
  parameters: Parameter[],
  mediaTypes: string[],
  isOdd: boolean,
): fc.Arbitrary<Record<string, string>> {
  const sendable = (text: string) => /^[\t\x20-\x7e\x80-\xff§]*$/.test(text) && text.length < 4_000
  const documented = parameters.map(({ name, schema }) => [
    name,
    (isOdd ? fc.oneof(valid(schema, name), wild) : valid(schema, name)).map(asText).filter(sendable),
  ])
  const others = {
    'content-type': fc.constantFrom(
      ...mediaTypes,
      'application/json; charset=utf-16',
      'application/json;charset',
      'APPLICATION/JSON',
      'text/plain',
      'multipart/form-data',
      'application/x-www-form-urlencoded',
      'application/json, application/json',
      '/',
      '',
    ),
    accept: fc.constantFrom(
      '*/*',
      'text/csv',
      'application/x-ndjson',
      'application/json;q=NaN',
      ',,;q=',
      'text/html',
      'x',
    ),
    'if-match': fc.constantFrom('*', '"x"', 'W/"1"', ',', '"'.repeat(99)),
    'if-none-match': fc.constantFrom('*', '"x"', ''),
    'content-encoding': fc.constantFrom('gzip', 'identity'),
    'x-http-method-override': fc.constant('DELETE'),
    expect: fc.constant('100-continue'),
    range: fc.constantFrom('bytes=0-1', 'bytes=9-1'),
    'x-forwarded-for': fc.constantFrom('::', 'not an address'),
    origin: fc.constant('https://evil.test'),
  }
  const optional = Object.entries(others).map(([name, values]) => [
    name,
    fc.option(values, { freq: 2, nil: undefined }),
  ])
  const fields = Object.fromEntries([
    ...documented.map(([name, values]) => [
      name,
      fc.option(values as fc.Arbitrary<string>, { freq: 2, nil: undefined }),
    ]),
    ...(isOdd ? optional : []),
  ]) as Record<string, fc.Arbitrary<string | undefined>>
  return fc
    .record(fields)
    .map((made) =>
      Object.fromEntries(Object.entries(made).filter((pair): pair is [string, string] => pair[1] !== undefined)),
    )
}

/** The value with one member replaced, removed, or another one added beside it. */
function mutated(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(values, fc.nat(1_000), wild, fc.constantFrom('replace', 'remove', 'add'))
    .map(([value, index, other, kind]) => {
      const copy = structuredClone(value)
      const members = membersOf(copy)
      const [holder, key] = members[index % Math.max(members.length, 1)] ?? []
      if (holder === undefined || key === undefined) return kind === 'remove' ? undefined : other
      if (kind === 'replace') put(holder, key, other)
      else if (kind === 'remove') delete holder[key]
      else put(holder, typeof other === 'string' ? other : 'unknownField', other)
      return copy
    })
}

type Holder = Record<string, unknown>

/** Defines, because assigning to `__proto__` would do something else. */
const put = (holder: Holder, key: string, value: unknown) =>
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })

function membersOf(value: unknown): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => [
    [value as Holder, key] as [Holder, string],
    ...membersOf(member),
  ])
}

/** The body as it goes over the wire. */
export function write(
  body: unknown,
  { damage, headers }: Pick<Draft, 'damage' | 'headers'>,
): string | Buffer | undefined {
  if (body === undefined) return undefined
  const isText = typeof body === 'string' && !/json|^$/.test(headers['content-type'] ?? '')
  const text = isText ? body : (JSON.stringify(body) ?? '')
  if (!damage) return text
  const { kind, at } = damage
  const offset = at % Math.max(text.length, 1)
  switch (kind) {
    case 'cut':
      return text.slice(0, offset)
    case 'double':
      return text.replace(/^\{("[^"]*":)/, '{$1null,$1')
    case 'bytes':
      return Buffer.concat([
        Buffer.from(text.slice(0, offset)),
        Buffer.from([0xc3, 0x28, 0xff]),
        Buffer.from(text.slice(offset)),
      ])
    case 'deep':
      return `${'['.repeat(at * 250)}${']'.repeat(at * 250)}`
    case 'tail':
      return `${text}${text}`
    case 'bom':
      return `\ufeff${text}`
    case 'nan':
      return text.replace(/\d+/, 'NaN')
    case 'long':
      return text.replace(/^\{/, `{${' '.repeat(at * 100)}`)
    case 'empty':
      return ''
  }
}
