import { placeholderIn, wholePlaceholder } from '../domain/policy/placeholders.ts'
import { literalFields, ResolvedPolicyDocument } from '../domain/policy/policy.ts'
import type { Shape } from '../domain/policy/shape.ts'
import { reference } from './extend.ts'

/** Of the other side of a paired rule. */
const zones: ReadonlySet<string> = new Set(['from'])
const literal: ReadonlySet<string> = new Set(literalFields)
const rules = ResolvedPolicyDocument.properties.rules

const ruleShape = withPlaceholders(rules.items, literal)
const nothing: Shape = { type: 'null' }
const { name, title, source, parameters, windows } = ResolvedPolicyDocument.properties

/** A policy that extends another: what it may leave out, and remove with null. */
const extensionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'extends'],
  properties: {
    name,
    extends: { type: 'string', pattern: reference.source, examples: ['ssh-baseline@1'] },
    title,
    source: { anyOf: [source, nothing] },
    windows: { anyOf: [windows, nothing] },
    parameters: {
      type: 'object',
      additionalProperties: false,
      patternProperties: Object.fromEntries(
        Object.entries((parameters as Shape).patternProperties ?? {}).map(([pattern, shape]) => [
          pattern,
          { anyOf: [partial(shape), nothing] },
        ]),
      ),
    },
    rules: { ...rules, minItems: 0, items: { ...partial(ruleShape, 'id'), required: ['id'] } },
    omit: { type: 'array', items: { type: 'string' }, maxItems: (rules as Shape).maxItems ?? 500 },
  },
}

/**
 * JSON Schema (2020-12) of a policy document as its author writes it: that of domain/policy.ts, where each value of a rule
 * that may differ between targets may be a placeholder as well. checkPolicy checks what no schema can express.
 */
export const policySchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:portwarden:policy',
  ...ResolvedPolicyDocument,
  properties: { ...ResolvedPolicyDocument.properties, rules: { ...rules, items: ruleShape } },
  $defs: { extension: extensionSchema },
}

/** Every field but `kept` may be absent or null. */
function partial(shape: Shape, kept?: string): Shape {
  const members = Object.entries(shape.properties ?? {})
  const properties = members.map(([field, member]) => [field, field === kept ? member : { anyOf: [member, nothing] }])
  const { required: _, ...rest } = shape
  return { ...rest, properties: Object.fromEntries(properties) }
}

function withPlaceholders(shape: Shape, untouched: ReadonlySet<string> = new Set()): Shape {
  if (shape.type === 'object') {
    const members = Object.entries(shape.properties ?? {})
    const properties = members.map(([name, member]) => [
      name,
      untouched.has(name) ? member : withPlaceholders(member, name === 'unlike' ? zones : undefined),
    ])
    return { ...shape, properties: Object.fromEntries(properties) }
  }
  if (shape.type === 'array' && shape.items) return { ...shape, items: withPlaceholders(shape.items) }
  if (acceptsText(shape)) return { ...shape }
  const pattern = shape.type === 'string' ? placeholderIn : wholePlaceholder
  return { anyOf: [{ ...shape }, { type: 'string', pattern }] }
}

/** A plain text holds placeholders as it is. */
function acceptsText({ type, pattern, anyOf = [] }: Shape): boolean {
  return (type === 'string' && pattern === undefined) || anyOf.some(acceptsText)
}
