import { describe, expect, test } from 'vitest'
import { toOpenApi30 } from '../../../src/api/openapi/openapi-3.0.ts'

const info = { title: 'x', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } }
const convert = (schema: object) => {
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/S' } } }
  const paths = { '/a': { get: { responses: { 200: { description: 'd', content } } } } }
  const { components } = toOpenApi30({
    openapi: '3.1.0',
    info,
    paths,
    webhooks: {},
    components: { schemas: { S: schema } },
  })
  return (components as { schemas: { S: object } }).schemas.S
}
const text = { type: 'string' }
const nothing = { type: 'null' }
const reference = { $ref: '#/components/schemas/T' }

describe('a schema in OpenAPI 3.0', () => {
  test.each([
    [
      'may be null',
      { anyOf: [{ ...text, maxLength: 3 }, nothing], description: 'd' },
      { ...text, maxLength: 3, description: 'd', nullable: true },
    ],
    ['lists types', { type: ['string', 'null'] }, { ...text, nullable: true }],
    ['lists more types', { type: ['string', 'integer'] }, { anyOf: [text, { type: 'integer' }] }],
    [
      'is one of several or null',
      { anyOf: [text, { type: 'number' }, nothing] },
      {
        anyOf: [
          { ...text, nullable: true },
          { type: 'number', nullable: true },
        ],
      },
    ],
    [
      'refers to what may be null',
      { anyOf: [reference, nothing] },
      { type: 'object', allOf: [reference], nullable: true },
    ],
    ['says more beside a reference', { ...reference, description: 'd' }, { allOf: [reference], description: 'd' }],
    ['is a reference', reference, reference],
    ['has an enum with null', { anyOf: [{ enum: ['a'] }, nothing] }, { ...text, enum: ['a', null], nullable: true }],
    ['requires nothing', { type: 'object', required: [] }, { type: 'object' }],
    ['has one value', { const: 'a' }, { ...text, enum: ['a'] }],
    ['has examples', { ...text, examples: ['a', 'b'] }, { ...text, example: 'a' }],
    [
      'excludes its bounds',
      { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 9 },
      { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: true },
    ],
    ['has a media type', { ...text, contentMediaType: 'text/csv' }, text],
    [
      'holds others',
      {
        type: 'object',
        properties: { const: { const: 'a' }, examples: { type: 'array', items: { const: 'b' } } },
        additionalProperties: { anyOf: [text, nothing] },
      },
      {
        type: 'object',
        properties: { const: { ...text, enum: ['a'] }, examples: { type: 'array', items: { ...text, enum: ['b'] } } },
        additionalProperties: { ...text, nullable: true },
      },
    ],
  ])('that %s', (_, schema, expected) => {
    expect(convert(schema)).toEqual(expected)
  })

  test('is converted wherever an operation has one, and an example stays as it is', () => {
    const content = { 'application/json': { schema: { const: 'a' }, example: { const: 'a', schema: { const: 'a' } } } }
    const parameters = [{ name: 'p', in: 'query', schema: { anyOf: [text, nothing] } }]
    const document = toOpenApi30({
      openapi: '3.1.0',
      info,
      paths: { '/a': { get: { parameters, requestBody: { content } } } },
    })
    expect(document).toMatchObject({
      openapi: '3.0.3',
      info: { license: { url: 'https://spdx.org/licenses/Apache-2.0.html' } },
    })
    expect(document.info).not.toHaveProperty('license.identifier')
    expect(document.paths).toEqual({
      '/a': {
        get: {
          parameters: [{ name: 'p', in: 'query', schema: { ...text, nullable: true } }],
          requestBody: {
            content: {
              'application/json': { schema: { ...text, enum: ['a'] }, example: content['application/json'].example },
            },
          },
        },
      },
    })
  })
})
