import { type TProperties, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type Path, pointerTo } from '../../encoding/json-pointer.ts'
import { truncate } from '../../encoding/text.ts'
import type { ValidationIssue } from '../errors.ts'

/** The schema of an object without unknown fields. */
export const closedObject = <P extends TProperties>(properties: P, options = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

/** The part of JSON Schema that this project uses. */
export interface Shape {
  type?: string
  title?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: Shape[]
  properties?: Record<string, Shape>
  patternProperties?: Record<string, Shape>
  additionalProperties?: unknown
  required?: string[]
  items?: Shape
  minItems?: number
  maxItems?: number
  maxProperties?: number
  uniqueItems?: boolean
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  examples?: unknown[]
}

/** A value that is neither object nor list. */
export interface Leaf {
  shape: Shape
  value: unknown
  path: Path
  /** Without it the object around it would be incomplete. */
  required: boolean
}
export type LeafCheck = (leaf: Leaf) => ValidationIssue[]

/** An issue of the value at `path`. */
export const issueAt = (path: Path, message: string): ValidationIssue => ({ pointer: pointerTo(path), message })

/** Turns an issue of a part into one of the whole that holds the part at `parent`. */
export const under =
  (parent: Path) =>
  ({ pointer, message }: ValidationIssue): ValidationIssue => ({ pointer: pointerTo(parent) + pointer, message })

/** All validation issues of a value, one for each path; `checkLeaf` decides about single values. */
export function checkShape(schema: TSchema, value: unknown, checkLeaf: LeafCheck = checkPlainLeaf): ValidationIssue[] {
  return checkNode({ shape: schema, value, path: [], required: true }, checkLeaf)
}

/** Checks a value by its schema alone. */
export const checkPlainLeaf: LeafCheck = ({ shape, value, path }) =>
  Value.Check(shape, value) ? [] : [issueAt(path, explain(shape, value))]

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function checkNode(leaf: Leaf, checkLeaf: LeafCheck): ValidationIssue[] {
  if (leaf.shape.type === 'object') return checkObject(leaf, checkLeaf)
  if (leaf.shape.type === 'array') return checkList(leaf, checkLeaf)
  return checkLeaf(leaf)
}

/** Unknown fields of an object that are named, and of these the ones that get a suggestion: both are costly for thousands. */
const maxUnknown = 100
const maxHints = 20

function checkObject({ shape, value, path }: Leaf, checkLeaf: LeafCheck): ValidationIssue[] {
  if (!isRecord(value)) return [issueAt(path, `must be ${describeShape(shape)}`)]
  const { properties = {}, patternProperties = {}, required = [] } = shape
  const names = Object.keys(value).filter((name) => value[name] !== undefined)
  const missing = required.filter((name) => !names.includes(name))
  const issues: ValidationIssue[] = missing.map((name) =>
    issueAt([...path, name], `is missing: must be ${describeShape(properties[name] ?? {})}`),
  )
  if (names.length > (shape.maxProperties ?? Number.POSITIVE_INFINITY)) {
    issues.push(issueAt(path, `must have at most ${shape.maxProperties} members`))
  }
  const patterns = Object.entries(patternProperties).map(([pattern, member]) => ({ pattern: RegExp(pattern), member }))
  let unknown = 0
  for (const name of names) {
    const member = Object.hasOwn(properties, name)
      ? properties[name]
      : patterns.find(({ pattern }) => pattern.test(name))?.member
    const child = { value: value[name], path: [...path, name], required: required.includes(name) }
    if (member) for (const issue of checkNode({ shape: member, ...child }, checkLeaf)) issues.push(issue)
    else if (shape.additionalProperties === false && ++unknown <= maxUnknown)
      issues.push(issueAt(child.path, explainUnknown(name, shape, unknown <= maxHints)))
  }
  if (unknown > maxUnknown) issues.push(issueAt(path, `has ${unknown - maxUnknown} more unknown fields`))
  return issues
}

function checkList({ shape, value, path }: Leaf, checkLeaf: LeafCheck): ValidationIssue[] {
  if (!Array.isArray(value)) return [issueAt(path, `must be ${describeShape(shape)}`)]
  const { items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = shape
  if (value.length < minItems) return [issueAt(path, `must have at least ${minItems} item${minItems > 1 ? 's' : ''}`)]
  if (value.length > maxItems) return [issueAt(path, `must have at most ${maxItems} items`)]
  const seen = new Set<unknown>()
  return value.flatMap((item, index) => {
    const itemPath = [...path, index]
    if (shape.uniqueItems && seen.has(item)) return [issueAt(itemPath, 'must not repeat an item of the list')]
    seen.add(item)
    return checkNode({ shape: items, value: item, path: itemPath, required: false }, checkLeaf)
  })
}

function explain(shape: Shape, value: unknown): string {
  if (shape.type === 'string' && typeof value === 'string') {
    if (value.length < (shape.minLength ?? 0)) return 'must not be empty'
    if (value.length > (shape.maxLength ?? value.length)) return `must be at most ${shape.maxLength} characters long`
  }
  return `must be ${describeShape(shape)}`
}

/** What a schema accepts, in words that follow "must be". */
export function describeShape(shape: Shape): string {
  if (shape.anyOf) return [...new Set(shape.anyOf.map(describeShape))].join(' or ')
  if (shape.enum) return `one of ${shape.enum.join(', ')}`
  if (shape.const !== undefined) return JSON.stringify(shape.const)
  if (shape.type === 'boolean') return 'true or false'
  if (shape.type === 'number') return 'a number'
  if (shape.type === 'integer') {
    return `a ${shape.title ?? 'whole number'} from ${shape.minimum ?? 'any'} to ${shape.maximum ?? 'any'}`
  }
  if (shape.type === 'array') return 'a list'
  if (shape.type === 'object') return shape.required ? `an object with ${shape.required.join(', ')}` : 'an object'
  return shape.examples ? `text like ${shape.examples[0]}` : 'text'
}

function explainUnknown(name: string, { properties = {}, patternProperties }: Shape, withHint: boolean): string {
  if (patternProperties) return `must have a name that matches ${Object.keys(patternProperties).join(' or ')}`
  const near = withHint ? nearestName(name, Object.keys(properties)) : undefined
  return `unknown field \`${truncate(name, 60)}\`${near ? `: did you mean \`${near}\`?` : ''}`
}

/** The nearest known name within two edits. */
export function nearestName(name: string, known: string[]): string | undefined {
  const near = known.filter((other) => Math.abs(other.length - name.length) <= 2)
  const ranked = near.map((other) => ({ other, edits: countEdits(name.toLowerCase(), other.toLowerCase()) }))
  return ranked.filter(({ edits }) => edits <= 2).sort((a, b) => a.edits - b.edits)[0]?.other
}

/** Levenshtein's distance. */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
