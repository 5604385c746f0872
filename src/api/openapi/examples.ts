interface Schema {
  $ref?: string
  type?: string
  const?: unknown
  enum?: unknown[]
  default?: unknown
  examples?: unknown[]
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  items?: Schema
}

/** The example of a schema, composed of those of its parts; undefined if one of them has none. `schemas` resolves references. */
export function exampleOf(schema: object, schemas: Readonly<Record<string, unknown>> = {}): unknown {
  const { $ref, type, enum: values, examples, anyOf, properties, items, ...rest } = schema as Schema
  if ($ref !== undefined) return exampleOf(schemas[$ref.slice($ref.lastIndexOf('/') + 1)] as object, schemas)
  const [first] = [...(examples ?? []), rest.const, rest.default, ...(values ?? [])].filter((one) => one !== undefined)
  if (first !== undefined) return first
  if (anyOf) return anyOf.map((branch) => exampleOf(branch, schemas)).find((one) => one !== undefined)
  if (type === 'boolean') return false
  if (type === 'null') return null
  if (type === 'array' && items) {
    const item = exampleOf(items, schemas)
    return item === undefined ? undefined : [item]
  }
  return type === 'object' ? exampleOfObject(schema, schemas) : undefined
}

function exampleOfObject(
  { properties = {}, required = [] }: { properties?: Record<string, object>; required?: string[] },
  schemas: Readonly<Record<string, unknown>>,
): object | undefined {
  const members = Object.entries(properties).map(([name, member]) => [name, exampleOf(member, schemas)] as const)
  const isIncomplete = members.some(([name, example]) => example === undefined && required.includes(name))
  return isIncomplete ? undefined : Object.fromEntries(members.filter(([, example]) => example !== undefined))
}

interface MediaType {
  schema?: object
  example?: unknown
  examples?: object
}
interface Operation {
  parameters?: MediaType[]
  requestBody?: { content: Record<string, MediaType> }
  responses?: Record<string, { content?: Record<string, MediaType> }>
}
interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, unknown> }
}

/** Gives every parameter, request body and successful response of a document an example, where its schema has one. */
export function addExamples<D extends object>(document: D): D {
  const { paths = {}, components } = document as Document
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    const successes = Object.entries(operation.responses ?? {}).filter(([status]) => status.startsWith('2'))
    const contents = [operation.requestBody?.content, ...successes.map(([, { content }]) => content)]
    const media = contents.flatMap((content) => Object.values(content ?? {}))
    for (const one of [...(operation.parameters ?? []), ...media]) {
      if (one.example !== undefined || one.examples !== undefined || !one.schema) continue
      const example = exampleOf(one.schema, components?.schemas)
      if (example !== undefined) one.example = example
    }
  }
  return document
}
