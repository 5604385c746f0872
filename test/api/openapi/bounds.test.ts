import { describe, expect, test } from 'vitest'
import { type Document, operationsOf, readDocument, type Schema } from '../../support/openapi-documents.ts'

const document = readDocument('openapi.json')

/** What the service bounds by other means than a schema: the length of the JSON, and the loader of policies. */
const boundedElsewhere = [/\/facts$/, /^#\/components\/schemas\/PolicyDocument\/rules\/items$/]

/** The pointers of a schema that accept values without a bound. */
function unboundedIn(schema: Schema, at: string, { components }: Document, visited: Set<string>): string[] {
  const { $ref, type, anyOf = [], allOf = [], properties = {}, additionalProperties, items } = schema
  if ($ref) {
    if (visited.has($ref)) return []
    visited.add($ref)
    const name = $ref.slice($ref.lastIndexOf('/') + 1)
    return unboundedIn(components.schemas[name] ?? {}, $ref, { components } as Document, visited)
  }
  if (boundedElsewhere.some((pattern) => pattern.test(at)) || schema.enum || schema.const !== undefined) return []
  const within = (part: Schema, step: string) => unboundedIn(part, `${at}/${step}`, { components } as Document, visited)
  const isOpen = typeof additionalProperties === 'object'
  return [
    ...issuesOf(schema).map((issue) => `${at} ${issue}`),
    ...[...anyOf, ...allOf].flatMap((branch, i) => within(branch, `${i}`)),
    ...Object.entries(properties).flatMap(([name, property]) => within(property, name)),
    ...(isOpen ? within(additionalProperties, '*') : []),
    ...(items ? within(items, 'items') : []),
    ...(type === undefined && anyOf.length + allOf.length === 0 ? [`${at} accepts anything`] : []),
  ]
}

function issuesOf({ type, additionalProperties, ...bounds }: Schema): string[] {
  switch (type) {
    case 'string':
      return bounds.maxLength === undefined ? ['has no maxLength'] : []
    case 'integer':
    case 'number': {
      const minimum = bounds.minimum ?? bounds.exclusiveMinimum
      return minimum === undefined || bounds.maximum === undefined ? ['has no minimum or no maximum'] : []
    }
    case 'array':
      return bounds.maxItems === undefined ? ['has no maxItems'] : []
    case 'object':
      if (additionalProperties === undefined || additionalProperties === true) return ['accepts any field']
      if (additionalProperties === false) return []
      return bounds.maxProperties === undefined || !bounds.propertyNames ? ['has no bound of its names'] : []
    default:
      return []
  }
}

test.each(operationsOf(document).map((operation) => [operation.operationId, operation] as const))(
  '%s bounds every string, list, number and object of its request',
  (_, { parameters = [], requestBody }) => {
    const visited = new Set<string>()
    const unbounded = [
      ...parameters.map(({ in: location, name, schema }) =>
        unboundedIn(schema, `${location} ${name}`, document, visited),
      ),
      ...Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) =>
        unboundedIn(schema, type, document, visited),
      ),
    ].flat()
    expect(unbounded).toEqual([])
  },
)

describe('the search for values without a bound', () => {
  test.each([
    ['a text', { type: 'string' }],
    ['a number', { type: 'integer', minimum: 0 }],
    ['a list', { type: 'array', items: { enum: ['a'] } }],
    ['a map', { type: 'object', additionalProperties: { enum: ['a'] } }],
    ['a field of an object', { type: 'object', additionalProperties: false, properties: { a: { type: 'string' } } }],
    ['an alternative', { anyOf: [{ type: 'null' }, { type: 'string' }] }],
    ['anything', {}],
  ])('finds %s', (_, schema) => {
    expect(unboundedIn(schema, 'body', document, new Set())).toHaveLength(1)
  })
})

test('every integer has the format int32 or int64', () => {
  const without: string[] = []
  const walk = (node: unknown, at: string) => {
    if (typeof node !== 'object' || node === null) return
    const { type, format } = node as Schema
    if (type === 'integer' && format !== 'int32' && format !== 'int64') without.push(at)
    for (const [key, value] of Object.entries(node))
      if (key !== 'example' && key !== 'examples') walk(value, `${at}/${key}`)
  }
  walk(document, '')
  expect(without).toEqual([])
})
