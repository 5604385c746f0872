import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { fileNames, readDocument } from '../../support/openapi-documents.ts'

const errorsOf = async (document: object) => {
  const { valid, errors } = await new Validator().validate(structuredClone(document) as Record<string, unknown>)
  return valid ? [] : errors
}

test.each(fileNames)('%s is valid by the schema of its OpenAPI version', async (name) => {
  expect(await errorsOf(readDocument(name))).toEqual([])
})

test.each([
  ['an empty list of required fields', { components: { schemas: { A: { type: 'object', required: [] } } } }],
  ['a parameter without a name', { paths: { '/a': { get: { parameters: [{ in: 'query' }], responses: {} } } } }],
])('OpenAPI 3.0 with %s is not', async (_, part) => {
  const document = { openapi: '3.0.3', info: { title: 'x', version: '1' }, paths: {}, ...part }
  expect(await errorsOf(document)).not.toEqual([])
})
