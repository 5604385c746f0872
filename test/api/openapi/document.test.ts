import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { describe, expect, test } from 'vitest'
import { renderOpenApi } from '../../../src/cli/openapi.ts'
import { reasonCodes } from '../../../src/domain/findings/reasons.ts'

const stored = readFileSync(new URL('../../../openapi/openapi.json', import.meta.url), 'utf8')

interface Operation {
  operationId?: string
  summary?: string
  tags?: string[]
  security?: object[]
  'x-portwarden-scopes'?: string[]
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[]
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { description?: string; content?: Record<string, { schema: object }> }>
}
interface Document {
  openapi: string
  info: { title: string; version: string; license: object }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, { properties?: Record<string, { enum?: string[] }> }>; securitySchemes: object }
  security: object[]
  tags: { name: string }[]
}

const rendered = await renderOpenApi()
const document = JSON.parse(rendered['openapi.json']) as Document
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    path,
    method,
    operation,
  })),
)

test('what lies in openapi/ is what the routes say now; `npm run openapi` writes it', async () => {
  expect(JSON.parse(stored)).toEqual(document)
  expect(stored).toBe(rendered['openapi.json'])
  expect(readFileSync(new URL('../../../openapi/openapi-3.0.json', import.meta.url), 'utf8')).toBe(
    rendered['openapi-3.0.json'],
  )
  expect(await renderOpenApi()).toEqual(rendered)
})

describe('the document', () => {
  test('is OpenAPI 3.1 with what the specification demands', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    expect(document.info).toMatchObject({ title: 'Portwarden', version: expect.any(String) })
    expect(operations.length).toBeGreaterThan(20)
    for (const { path, method } of operations) {
      expect(path).toMatch(/^\//)
      expect(['get', 'put', 'post', 'delete', 'patch']).toContain(method)
    }
  })

  test('resolves every reference', () => {
    const refs = [...stored.matchAll(/"\$ref": "([^"]+)"/g)].map(([, ref]) => ref ?? '')
    expect(refs.length).toBeGreaterThan(50)
    for (const ref of new Set(refs)) {
      const steps = ref.replace(/^#\//, '').split('/')
      const found = steps.reduce<unknown>(
        (node, step) => (node as Record<string, unknown> | undefined)?.[step],
        document,
      )
      expect(found, ref).toBeTypeOf('object')
    }
  })

  test('holds JSON Schemas (2020-12), with examples that they accept', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    formats.default(ajv)
    ajv.addSchema(document, 'document')
    const distinct = new Map(findSchemas(document, '').map((found) => [JSON.stringify(found.schema), found]))
    expect(distinct.size).toBeGreaterThan(100)
    for (const { pointer, schema } of distinct.values()) {
      expect(ajv.validateSchema(schema), `${pointer}: ${ajv.errorsText()}`).toBe(true)
      const validate = ajv.compile({ $ref: `document#${pointer}` })
      for (const example of schema.examples ?? []) {
        expect(validate(example), `${pointer}: ${JSON.stringify(example)}: ${ajv.errorsText(validate.errors)}`).toBe(
          true,
        )
      }
    }
  })

  test('has no schema that nothing refers to', () => {
    const unused = Object.keys(document.components.schemas).filter(
      (name) => !stored.includes(`#/components/schemas/${name}"`),
    )
    expect(unused).toEqual([])
  })

  test('lists every reason code', () => {
    expect(document.components.schemas.Reason?.properties?.code?.enum).toEqual(reasonCodes)
  })

  test('has operation ids that are there and are unique', () => {
    const ids = operations.map(({ operation }) => operation.operationId ?? '')
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z]+$/)
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
  })
})

/** Every schema of the document with the JSON Pointer that leads to it, those inside others too. */
function findSchemas(node: unknown, pointer: string): { pointer: string; schema: { examples?: unknown[] } }[] {
  if (typeof node !== 'object' || node === null) return []
  const isSchema = /\/(schema|items|schemas\/[^/]+|properties\/[^/]+|anyOf\/\d+|additionalProperties)$/.test(pointer)
  const inside = Object.entries(node).flatMap(([key, value]) =>
    key === 'examples' || key === 'example' ? [] : findSchemas(value, `${pointer}/${stepOf(key)}`),
  )
  return isSchema && !Array.isArray(node) ? [{ pointer, schema: node }, ...inside] : inside
}

/** As a JSON Pointer in the fragment of a URI has it (RFC 6901 section 6). */
const stepOf = (key: string) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))

describe.each(operations)('$name', ({ path, operation }) => {
  test('has a summary, and a tag that the document describes', () => {
    expect(operation.summary).toMatch(/^[A-Z]/)
    expect(operation.tags).toHaveLength(1)
    expect(document.tags.map(({ name }) => name)).toContain(operation.tags?.[0])
  })

  test('declares exactly the parameters of its path', () => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    expect(declared.map(({ name }) => name).sort()).toEqual(inPath.sort())
    expect(declared.every(({ required }) => required)).toBe(true)
  })

  test('describes each of its responses, one of them a success with a schema', () => {
    const statuses = Object.keys(operation.responses)
    const successes = statuses.filter((status) => status.startsWith('2'))
    expect(successes.length).toBeGreaterThan(0)
    for (const status of statuses) expect(operation.responses[status]?.description, status).toBeTruthy()
    for (const status of successes.filter((s) => s !== '204')) {
      expect(Object.values(operation.responses[status]?.content ?? {})[0]?.schema, status).toBeTypeOf('object')
    }
  })
})

const open = ['/livez', '/readyz']

test.each(operations.filter(({ path }) => !open.includes(path)))(
  '$name needs a key and declares its problem responses',
  ({ path, method, operation }) => {
    expect(operation.security).toEqual([{ key: [] }])
    if (operation.operationId !== 'getMe') expect(operation['x-portwarden-scopes']).toContain('admin')
    const problems = Object.entries(operation.responses).filter(([status]) => status >= '4')
    expect(problems.map(([status]) => status)).toEqual(expect.arrayContaining(['400', '401', '500']))
    if (path.includes('{') && method !== 'put') expect(Object.keys(operation.responses)).toContain('404')
    if (operation.requestBody) expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['413', '415']))
    for (const [status, { content }] of problems) {
      expect(content, status).toEqual({
        'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
      })
    }
  },
)
