import type { Parameters } from '../domain/policy/parameters.ts'
import { maxParameters, Parameter, type PolicyDocument, ResolvedPolicyDocument } from '../domain/policy/policy.ts'
import { checkPlainLeaf, checkShape, isRecord, type LeafCheck, under, type ValueIssue } from '../domain/policy/shape.ts'
import { type Path, pointerTo } from '../encoding/json-pointer.ts'
import { isPlainText, plainText } from '../encoding/text.ts'
import { checkParameters } from './check-parameters.ts'
import { checkRuleLeaf, checkRuleMeaning, guardedBy } from './check-rules.ts'
import { type Format, maxDocumentBytes, readDocument, tooLong } from './read.ts'

interface PolicyError {
  /** JSON Pointer, RFC 6901; the empty pointer is the whole document. */
  pointer: string
  line?: number
  message: string
}
type Checked = { document: PolicyDocument } | { errors: PolicyError[] }

const maxErrors = 100

/** Reads and checks a policy document; errors name the line and the place, and say what would be right. */
export function loadPolicy(text: string, format: Format): Checked {
  const read = readDocument(text, format)
  if ('errors' in read) return { errors: read.errors.map(({ message, line }) => errorAt([], message, line)) }
  const issues = findProblems(read.value)
  if (issues.length === 0) return { document: read.value as PolicyDocument }
  return { errors: summarize(issues, (path) => read.lineOf(path)) }
}

/** Checks a policy document that is a value already, such as the body of a request. */
export function checkPolicy(value: unknown): Checked {
  if (Buffer.byteLength(JSON.stringify(value) ?? '') > maxDocumentBytes)
    return { errors: [errorAt([], tooLong, undefined)] }
  const issues = findProblems(value)
  return issues.length === 0 ? { document: value as PolicyDocument } : { errors: summarize(issues, () => undefined) }
}

function summarize(issues: ValueIssue[], lineOf: (path: Path) => number | undefined): PolicyError[] {
  const errors: PolicyError[] = issues.slice(0, maxErrors).map(({ path, message }) => {
    return errorAt(path, message, lineOf(path))
  })
  errors.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  const more = issues.length - errors.length
  return more > 0 ? [...errors, { pointer: '', message: `and ${more} more mistakes` }] : errors
}

// Without a line there is no member for it, so that answers do not carry an empty one.
const errorAt = (path: Path, message: string, line: number | undefined): PolicyError =>
  line === undefined ? { pointer: pointerTo(path), message } : { pointer: pointerTo(path), line, message }

/** All that is wrong with a document: its shape, then what its parts mean together. */
function findProblems(value: unknown): ValueIssue[] {
  const { parameters: given, rules: listed } = isRecord(value) ? value : {}
  if (isRecord(given) && Object.keys(given).length > maxParameters) {
    // Chains of defaults are followed from each parameter, which takes too long for thousands of them.
    return [{ path: ['parameters'], message: `must have at most ${maxParameters} members` }]
  }
  const rules = Array.isArray(listed) ? listed : []
  const parameters = wellFormed(given)
  const contexts = rules.map((rule) => ({ parameters, guarded: guardedBy(rule) }))
  const checkLeaf: LeafCheck = (leaf) => {
    const unstorable = checkText(leaf.value)
    if (unstorable !== undefined) return [{ path: leaf.path, message: unstorable }]
    const [part, index, ...path] = leaf.path
    const context = part === 'rules' ? contexts[Number(index)] : undefined
    if (!context) return checkPlainLeaf(leaf)
    return checkRuleLeaf({ ...leaf, path }, context).map(under(['rules', Number(index)]))
  }
  return [
    ...checkShape(ResolvedPolicyDocument, value, checkLeaf),
    ...checkParameters(parameters).map(under(['parameters'])),
    ...rules.flatMap((rule, index) => checkRuleMeaning(rule).map(under(['rules', index]))),
    ...repeatedIds(rules),
  ]
}

/** The parameters that rules can be checked with; the others have their own errors. */
function wellFormed(parameters: unknown): Parameters {
  const members = isRecord(parameters) ? Object.entries(parameters) : []
  return Object.fromEntries(members.filter(([, value]) => checkShape(Parameter, value).length === 0)) as Parameters
}

const checkText = (value: unknown): string | undefined =>
  typeof value !== 'string' || isPlainText(value) ? undefined : plainText

function repeatedIds(rules: unknown[]): ValueIssue[] {
  const first = new Map<unknown, number>()
  return rules.flatMap((rule, index) => {
    if (!isRecord(rule) || typeof rule.id !== 'string') return []
    const earlier = first.get(rule.id)
    if (earlier === undefined) first.set(rule.id, index)
    const message = `must be unique: /rules/${earlier} has the id ${rule.id} too`
    return earlier === undefined ? [] : [{ path: ['rules', index, 'id'], message }]
  })
}
