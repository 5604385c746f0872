import { Ajv2020, type AnySchemaObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { DataValidationCxt } from 'ajv/dist/types/index.js'
import formats from 'ajv-formats'
import { type DateEdge, dateKeyword, dateToTime, readTime } from '../listing/rfc3339.ts'
import { withoutIds } from '../openapi/components.ts'

type Coercion = boolean | 'array'
type Check = Pick<ValidateFunction, 'errors'> & ((part: unknown) => boolean)

/**
 * Compiles schemas into checks of parts of a request. Large values report only their first issue: collecting millions takes
 * minutes and gigabytes.
 */
export function schemaCompiler(coerceTypes: Coercion): (schema: object) => Check {
  const forFirst = createAjv(coerceTypes, false)
  const forAll = createAjv(coerceTypes, true)
  return (named) => {
    const schema = withoutIds(named) as object // Ajv takes an `$id` only once
    let findFirst: ValidateFunction | undefined
    let findAll: ValidateFunction | undefined
    const check: Check = (part) => {
      findFirst ??= forFirst.compile(schema) // on first use: compiling all routes takes most of the start
      if (findFirst(part)) return true
      check.errors = findFirst.errors
      if (countValues(part) > maxValues) return false
      findAll ??= forAll.compile(schema)
      findAll(part)
      check.errors = findAll.errors
      return false
    }
    return check
  }
}

function createAjv(coerceTypes: Coercion, allErrors: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    coerceTypes,
    useDefaults: true,
    removeAdditional: false,
    allErrors,
    strict: false,
    verbose: true, // for the examples in messages
    // Rejects 1e999. With coercion, infinite values would skip their bounds.
    strictNumbers: coerceTypes === false,
  })
  formats.default(ajv)
  ajv.addFormat('date-time', (text) => readTime(text) !== undefined)
  ajv.addKeyword({
    keyword: dateKeyword,
    type: 'string',
    schemaType: 'string',
    before: 'format',
    modifying: true,
    errors: false,
    validate(edge: DateEdge, text: string, _schema?: AnySchemaObject, holder?: DataValidationCxt) {
      if (holder) holder.parentData[holder.parentDataProperty] = dateToTime(text, edge)
      return true
    },
  })
  ajv.removeKeyword('uniqueItems') // compares all pairs unless the schema of the items has a scalar type
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (wanted: boolean, items: unknown[]) => !wanted || areUnique(items),
    error: { message: 'must NOT have duplicate items' },
  })
  return ajv
}

/** In linear time; the lists of this API hold scalars and small objects. */
const areUnique = (items: readonly unknown[]) =>
  new Set(items.map((item) => (typeof item === 'object' ? JSON.stringify(item) : item))).size === items.length

const maxValues = 10_000

/** Counts nested values, up to the limit. */
function countValues(value: unknown, count = 1): number {
  if (typeof value !== 'object' || value === null) return count
  for (const member of Object.values(value)) {
    if (count > maxValues) break
    count = countValues(member, count + 1)
  }
  return count
}
