interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  enum?: unknown
  const?: unknown
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
}
interface Operation {
  parameters?: { name: string; in: string; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}
export interface Document {
  paths: Record<string, Record<string, Operation>>
}

/**
 * Every free-text input of every operation, such as `PUT /v1/targets/{name} body /address`, without enumerations, dates and
 * UUIDs. `*` stands for any key of an object, `-` for any item of a list.
 */
export function textInputs(document: Document): string[] {
  const found = new Set<string>()
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { parameters = [], requestBody }] of Object.entries(operations)) {
      const operation = `${method.toUpperCase()} ${path}`
      for (const { name, in: location, schema } of parameters)
        for (const at of textsIn(schema, document)) found.add(`${operation} ${location} ${name}${at}`)
      for (const [type, { schema }] of Object.entries(requestBody?.content ?? {}))
        for (const at of textsIn(schema, document)) found.add(`${operation} ${bodyOf(type)}${at && ` ${at}`}`)
    }
  }
  return [...found].sort()
}

const policyDocument = '#/components/schemas/PolicyDocument'
/** A merge patch (RFC 7396) has the fields of the JSON beside it. */
const bodyOf = (type: string) => (/^application\/(merge-patch\+)?json$/.test(type) ? 'body' : type)

/** JSON Pointers to free texts in a value of this schema; `` is the value itself. */
function textsIn(schema: Schema, document: Document, at = ''): string[] {
  const { $ref, type, format, properties = {}, additionalProperties, items } = schema
  if ($ref === policyDocument) return [at] // validated by the loader, not by a schema
  if ($ref) return textsIn(resolve($ref, document), document, at)
  if ('const' in schema || 'enum' in schema || format === 'date-time' || format === 'uuid') return []
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  const values = additionalProperties ? [additionalProperties] : []
  const inside = [
    ...choices.flatMap((choice) => textsIn(choice, document, at)),
    ...Object.entries(properties).flatMap(([name, value]) => textsIn(value, document, `${at}/${name}`)),
    ...values.flatMap((value) => (value === true ? [`${at}/*`] : textsIn(value, document, `${at}/*`))),
    ...(items ? textsIn(items, document, `${at}/-`) : []),
  ]
  const isText = [type].flat().includes('string')
  const isAnything = type === undefined && choices.length === 0 && Object.keys(properties).length === 0
  return isText || isAnything ? [at, ...inside] : inside
}

function resolve($ref: string, document: object): Schema {
  const steps = $ref.replace(/^#\//, '').split('/')
  return steps.reduce((value, step) => (value as Record<string, object>)[step] ?? {}, document) as Schema
}
