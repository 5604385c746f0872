type Node = Record<string, unknown>
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)
const mapValues = (node: unknown, convert: (value: unknown) => unknown): Node =>
  Object.fromEntries(Object.entries(node as Node).map(([name, value]) => [name, convert(value)]))

/** Converts a document to OpenAPI 3.0; drops what 3.0 cannot express, such as webhooks and further examples. */
export function toOpenApi30(document: object): Node {
  const { webhooks: _, jsonSchemaDialect: __, info, ...rest } = document as Node
  const { license, summary: ___, ...about } = info as { license: Node; summary?: string }
  const { identifier, ...named } = license
  return withoutUnused({
    ...(convertPart(rest) as Node),
    openapi: '3.0.3',
    info: { ...about, license: { ...named, url: `https://spdx.org/licenses/${identifier}.html` } },
  })
}

/** Drops the schemas that only webhooks refer to. */
function withoutUnused(document: Node): Node {
  const { schemas = {}, ...components } = (document.components ?? {}) as { schemas?: Node }
  const text = JSON.stringify(document)
  const used = Object.entries(schemas).filter(([name]) => text.includes(`"#/components/schemas/${name}"`))
  return { ...document, components: { ...components, schemas: Object.fromEntries(used) } }
}

/** Converts a part that is not a schema; it holds schemas under `schema` and `schemas`. */
function convertPart(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(convertPart)
  if (!isNode(part)) return part
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) => {
      if (key === 'schema') return [key, convertSchema(value)]
      if (key === 'schemas') return [key, mapValues(value, convertSchema)]
      return [key, key === 'example' || key === 'examples' ? value : convertPart(value)]
    }),
  )
}

function convertSchema(schema: unknown): unknown {
  if (!isNode(schema)) return schema
  const {
    anyOf,
    examples,
    const: only,
    exclusiveMinimum,
    exclusiveMaximum,
    contentMediaType: _,
    propertyNames: __,
    ...rest
  } = schema
  const converted: Node = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => {
      if (key === 'properties') return [key, mapValues(value, convertSchema)]
      if (key === 'allOf' || key === 'oneOf') return [key, (value as unknown[]).map(convertSchema)]
      return [key, key === 'items' || key === 'additionalProperties' || key === 'not' ? convertSchema(value) : value]
    }),
  )
  if (Array.isArray(converted.required) && converted.required.length === 0) delete converted.required
  if (Array.isArray(examples) && examples.length > 0) converted.example = examples[0]
  if (only !== undefined) converted.enum = [only]
  // In 3.0 only a schema with a type can be nullable.
  if (Array.isArray(converted.enum) && converted.enum.every((value) => typeof value === 'string'))
    converted.type = 'string'
  if (exclusiveMinimum !== undefined) Object.assign(converted, { minimum: exclusiveMinimum, exclusiveMinimum: true })
  if (exclusiveMaximum !== undefined) Object.assign(converted, { maximum: exclusiveMaximum, exclusiveMaximum: true })
  const typed = Array.isArray(converted.type) ? choose(converted, typesOf(converted)) : converted
  return besideReference(Array.isArray(anyOf) ? choose(typed, anyOf.map(convertSchema) as Node[]) : typed)
}

const typesOf = ({ type }: Node) => (type as string[]).map((one) => ({ type: one }))

/** Converts alternatives; `null` becomes `nullable`, and an enum must list it too. References lead to objects. */
function choose({ type, ...schema }: Node, branches: Node[]): Node {
  const others = branches.filter((branch) => branch.type !== 'null')
  const nullable = others.length < branches.length ? { nullable: true } : {}
  const [only] = others
  const typed: Node = { ...(Array.isArray(type) ? {} : type === undefined ? {} : { type }), ...schema }
  if (others.length !== 1 || only === undefined) {
    if (typed.type !== undefined) return { ...typed, ...nullable, anyOf: others }
    return { ...typed, anyOf: others.map((branch) => withNullable(branch, nullable)) }
  }
  const whole: Node = { ...typed, ...nullable }
  const one: Node = '$ref' in only ? { type: 'object', allOf: [only], ...whole } : { ...only, ...whole }
  if (one.nullable && Array.isArray(one.enum) && !one.enum.includes(null)) one.enum = [...one.enum, null]
  return one
}

const withNullable = (branch: Node, nullable: Node): Node =>
  '$ref' in branch && nullable.nullable ? { type: 'object', allOf: [branch], ...nullable } : { ...branch, ...nullable }

/** In 3.0 a reference has no siblings. */
const besideReference = (schema: Node): Node => {
  const { $ref, ...beside } = schema
  return $ref === undefined || Object.keys(beside).length === 0 ? schema : { allOf: [{ $ref }], ...beside }
}
