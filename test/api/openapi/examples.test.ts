import { Ajv2020 } from 'ajv/dist/2020.js'
import AjvDraft04 from 'ajv-draft-04'
import formats from 'ajv-formats'
import { describe, expect, test } from 'vitest'
import { exampleOf } from '../../../src/api/openapi/examples.ts'
import { checkPolicy, loadPolicy } from '../../../src/policies/load.ts'
import {
  type Document,
  fileNames,
  type MediaType,
  type Operation,
  operationsOf,
  readDocument,
} from '../../support/openapi-documents.ts'

/** Every parameter, request body and successful response of an operation, by what it is. */
function partsOf({ parameters = [], requestBody, responses }: Operation): [string, MediaType][] {
  const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'))
  const contents = [['request', requestBody] as const, ...successes]
  return [
    ...parameters.map((parameter) => [`${parameter.in} ${parameter.name}`, parameter] as [string, MediaType]),
    ...contents.flatMap(([name, part]) =>
      Object.entries(part?.content ?? {}).map(([type, media]) => [`${name} ${type}`, media] as [string, MediaType]),
    ),
  ]
}

/** Validates a value by a schema of a document. */
function createValidator(document: Document): (schema: object, value: unknown) => string {
  const options = { strict: false, validateSchema: false } as const
  const ajv = document.openapi.startsWith('3.1') ? new Ajv2020(options) : new AjvDraft04.default(options)
  formats.default(ajv as Ajv2020)
  // Draft 04 would take the `id` of an example for that of a schema.
  const withoutExamples = (schema: object) =>
    JSON.parse(JSON.stringify(schema, (key, value) => (/^examples?$/.test(key) ? undefined : value)))
  ajv.addSchema(withoutExamples({ components: document.components }), 'document')
  return (schema, value) => {
    const absolute = JSON.parse(JSON.stringify(withoutExamples(schema)).replaceAll('"#/', '"document#/'))
    const validate = ajv.compile(absolute)
    return validate(value) ? '' : `${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`
  }
}

describe.each(fileNames)('%s', (name) => {
  const document = readDocument(name)
  const issueOf = createValidator(document)
  const operations = [...operationsOf(document), ...Object.values(document.webhooks ?? {}).map(({ post }) => post)]

  test.each(operations.flatMap((operation) => (operation ? [operation] : [])).map((one) => [one.operationId, one]))(
    '%s has an example, valid by its schema, for each parameter, body and success',
    (_, operation) => {
      for (const [part, { schema, example, examples }] of partsOf(operation)) {
        const values = examples ? Object.values(examples).map(({ value }) => value) : [example]
        for (const value of values) {
          expect(value, part).not.toBeUndefined()
          expect([part, issueOf(schema, value)]).toEqual([part, ''])
        }
      }
    },
  )
})

test('the named schemas of OpenAPI 3.1 have only valid examples', () => {
  const document = readDocument('openapi.json')
  const issueOf = createValidator(document)
  for (const [schemaName, schema] of Object.entries(document.components.schemas)) {
    const example = exampleOf(schema, document.components.schemas)
    expect(example, schemaName).not.toBeUndefined()
    expect([schemaName, issueOf(schema, example)]).toEqual([schemaName, ''])
  }
})

const examplesIn = (node: unknown): unknown[] => {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => (/^examples?$/.test(key) ? [value] : examplesIn(value)))
}

test('all examples share one target, one policy and one network', () => {
  const text = JSON.stringify(examplesIn(readDocument('openapi.json')))
  const [names, addresses] = [/"target":"([^"]+)"/g, /\b(\d{1,3}(?:\.\d{1,3}){3})\b/g].map(
    (pattern) => new Set([...text.matchAll(pattern)].map(([, found]) => found)),
  )
  expect([...(names ?? [])]).toEqual(['epp-01'])
  expect([...(addresses ?? [])]).toEqual(['10.20.0.11'])
})

describe('the example of a schema', () => {
  test.each([
    ['is the first of its own', { type: 'string', examples: ['a', 'b'] }, 'a'],
    ['may be null', { anyOf: [{ type: 'string' }, { type: 'null' }], examples: [null] }, null],
    ['is its default', { type: 'integer', default: 7 }, 7],
    ['is its first value', { enum: ['x', 'y'] }, 'x'],
    ['is that of the first alternative with one', { anyOf: [{ type: 'string' }, { const: 'z' }] }, 'z'],
    ['is a list of one item', { type: 'array', items: { const: 1 } }, [1]],
    [
      'leaves out optional fields without one',
      { type: 'object', required: ['a'], properties: { a: { const: 1 }, b: { type: 'string' } } },
      { a: 1 },
    ],
    [
      'does not exist if a required field has none',
      { type: 'object', required: ['b'], properties: { b: {} } },
      undefined,
    ],
    ['follows a reference', { $ref: '#/components/schemas/A' }, 'referred'],
  ])('%s', (_, schema, expected) => {
    expect(exampleOf(schema, { A: { const: 'referred' } })).toEqual(expected)
  })
})

test('the example of a policy is one that the loader accepts, as JSON and as YAML', () => {
  const { put } = readDocument('openapi.json').paths['/v1/policies/{name}'] ?? {}
  const [json, yaml] = Object.values(put?.requestBody?.content ?? {}).map(({ example }) => example)
  expect(checkPolicy(json)).toHaveProperty('document')
  expect(loadPolicy(String(yaml), 'yaml')).toHaveProperty('document')
})
