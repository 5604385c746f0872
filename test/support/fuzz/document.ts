import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  pattern?: string
  const?: unknown
  enum?: unknown[]
  examples?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  properties?: Record<string, Schema>
  propertyNames?: Schema
  additionalProperties?: boolean | Schema
  required?: string[]
  items?: Schema
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  minProperties?: number
  uniqueItems?: boolean
}
export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}
export interface Operation {
  name: string
  method: string
  path: string
  parameters: Parameter[]
  /** By media type. */
  bodies: Record<string, Schema>
  responses: Record<string, { content?: Record<string, unknown>; headers?: Record<string, { $ref: string }> }>
}

interface Raw {
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Operation['responses']
}

interface Header {
  required?: boolean
  schema: { type: string }
}
const document = JSON.parse(readFileSync(new URL('../../../openapi/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Raw>>
  components: { headers: Record<string, Header> }
}

/** All operations of the OpenAPI document. */
export const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { parameters = [], requestBody, responses }]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    parameters,
    bodies: Object.fromEntries(
      Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => [type, schema] as const),
    ),
    responses,
  })),
)

/** What a reference leads to; any other schema is itself. */
export function deref(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema
  let node: unknown = document
  for (const step of schema.$ref.replace(/^#\//, '').split('/')) node = (node as Record<string, unknown>)[step]
  return deref(node as Schema)
}

const ajv = new Ajv2020({ strict: false, allErrors: false })
formats.default(ajv)
ajv.addSchema(document, 'document')
const compiled = new Map<string, ValidateFunction>()
const escaped = (step: string) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))

export interface HttpResponse {
  status: number
  contentType: string | undefined
  /** By name in small letters. */
  headers: Record<string, unknown>
  body: string
}

/** The first deviation of a response from the document; undefined where it conforms. */
export function violationOf(operation: Operation, received: HttpResponse): string | undefined {
  const { status, contentType, body } = received
  const response = operation.responses[status]
  if (!response) return `the status ${status} is not documented: ${body.slice(0, 300)}`
  const odd = Object.keys(response.headers ?? {}).find(
    (name) => !fitsHeader(name, received.headers[name.toLowerCase()]),
  )
  if (odd !== undefined) return `${status} has not the documented header ${odd}: ${JSON.stringify(received.headers)}`
  const types = Object.keys(response.content ?? {})
  if (types.length === 0) return body === '' ? undefined : `${status} has a body, and none is documented`
  const type = contentType?.split(';')[0]
  if (type === undefined || !types.includes(type)) return `${status} is ${contentType}, documented are ${types}`
  const at = `/paths/${escaped(operation.path)}/${operation.method.toLowerCase()}/responses/${status}/content/${escaped(type)}/schema`
  for (const value of valuesOf(type, body)) {
    const validate = validator(at)
    if (!validate(value)) return `${status} ${type} is not as documented: ${ajv.errorsText(validate.errors)}`
  }
  return undefined
}

/** What is wrong with problem details of no operation in particular. */
export function violationOfProblem({ contentType, body }: HttpResponse): string | undefined {
  if (!contentType?.startsWith('application/problem+json')) return `it is ${contentType}: ${body.slice(0, 300)}`
  const validate = validator('/components/schemas/Problem')
  return validate(JSON.parse(body)) ? undefined : ajv.errorsText(validate.errors)
}

function fitsHeader(name: string, value: unknown): boolean {
  const { required, schema } = document.components.headers[name] as Header
  if (value === undefined) return !required
  return validator(`/components/headers/${name}/schema`)(schema.type === 'integer' ? Number(value) : value)
}

/** Of the schema at a JSON Pointer into the document. */
function validator(pointer: string): ValidateFunction {
  const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `document#${pointer}` })
  compiled.set(pointer, validate)
  return validate
}

/** What the schema of a media type is about: a JSON value, each line of NDJSON, else the text. */
function valuesOf(type: string, body: string): unknown[] {
  if (type.endsWith('ndjson'))
    return body
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return [/[/+]json$/.test(type) ? JSON.parse(body) : body]
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
