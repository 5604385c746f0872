import { isDeepStrictEqual } from 'node:util'

type Node = Record<string, unknown>
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The named schemas of one OpenAPI document. */
export interface Components {
  /** By name. */
  schemas: Record<string, unknown>
  /** A copy in which a reference stands for each schema that has an `$id`; throws where two different schemas share one. */
  refer<T>(part: T): T
}

/** Collects every schema that has an `$id` under that name. */
export function createComponents(): Components {
  const schemas: Record<string, unknown> = {}

  const refer = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(refer)
    if (!isNode(part)) return part
    const { $id, examples, ...members } = part
    const referred = Object.entries(members).map(([key, value]) => [key, refer(value)])
    const schema = portable({ ...Object.fromEntries(referred), ...(examples === undefined ? {} : { examples }) })
    if (typeof $id !== 'string') return schema
    schemas[$id] ??= schema
    if (!isDeepStrictEqual(schemas[$id], schema)) throw new Error(`two schemas are named ${$id}`)
    return { $ref: `#/components/schemas/${$id}` }
  }
  return { schemas, refer: <T>(part: T) => refer(part) as T }
}

/** The pattern of `Type.Record(Type.String(), …)`. */
const anyName = '^.*$'
const maxInt32 = 2 ** 31 - 1

/** What generators of clients read: a format of each integer, and `additionalProperties` instead of `patternProperties`. */
function portable({ patternProperties, ...schema }: Node): Node {
  if (schema.type === 'integer')
    return { ...schema, format: typeof schema.maximum === 'number' && schema.maximum <= maxInt32 ? 'int32' : 'int64' }
  if (!isNode(patternProperties)) return schema
  const [[pattern, member] = []] = Object.entries(patternProperties)
  const propertyNames = pattern === anyName ? {} : { propertyNames: { pattern } }
  return { ...schema, ...propertyNames, additionalProperties: member }
}

/** A copy without `$id`s, for a validator that compiles each schema by itself. */
export function withoutIds(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withoutIds)
  if (!isNode(part)) return part
  const { $id: _, ...members } = part
  return Object.fromEntries(Object.entries(members).map(([key, value]) => [key, withoutIds(value)]))
}
