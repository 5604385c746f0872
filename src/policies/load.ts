import type { ValidationIssue } from '../domain/errors.ts'
import type { Parameters } from '../domain/policy/parameters.ts'
import { maxParameters, Parameter, type PolicyDocument, ResolvedPolicyDocument } from '../domain/policy/policy.ts'
import { checkPlainLeaf, checkShape, isRecord, issueAt, type LeafCheck, under } from '../domain/policy/shape.ts'
import { isPlainText, plainText } from '../encoding/text.ts'
import { checkParameters } from './check-parameters.ts'
import { checkRuleLeaf, checkRuleMeaning, guardedBy } from './check-rules.ts'
import { type Format, maxDocumentBytes, readDocument, tooLong } from './read.ts'

type Checked = { document: PolicyDocument } | { errors: ValidationIssue[] }

const maxErrors = 100

/** Parses and checks a policy document; errors name their line. */
export function loadPolicy(text: string, format: Format): Checked {
  const read = readDocument(text, format)
  if ('errors' in read) return read
  const issues = findIssues(read.value)
  if (issues.length === 0) return { document: read.value as PolicyDocument }
  return { errors: summarize(issues, read.lineOf) }
}

/** Checks a parsed policy document, such as a request body. */
export function checkPolicy(value: unknown): Checked {
  if (Buffer.byteLength(JSON.stringify(value) ?? '') > maxDocumentBytes)
    return { errors: [{ pointer: '', message: tooLong }] }
  const issues = findIssues(value)
  return issues.length === 0 ? { document: value as PolicyDocument } : { errors: summarize(issues, () => undefined) }
}

function summarize(issues: ValidationIssue[], lineOf: (pointer: string) => number | undefined): ValidationIssue[] {
  const errors = issues.slice(0, maxErrors).map((issue) => ({ ...issue, line: lineOf(issue.pointer) }))
  errors.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  const more = issues.length - errors.length
  return more > 0 ? [...errors, { pointer: '', message: `and ${more} more issues` }] : errors
}

/** Checks the shape, then the meaning of the parts together. */
function findIssues(value: unknown): ValidationIssue[] {
  const { parameters: given, rules: listed } = isRecord(value) ? value : {}
  if (isRecord(given) && Object.keys(given).length > maxParameters) {
    // Following the defaults of thousands of parameters takes too long.
    return [{ pointer: '/parameters', message: `must have at most ${maxParameters} members` }]
  }
  const rules = Array.isArray(listed) ? listed : []
  const parameters = wellFormed(given)
  const contexts = rules.map((rule) => ({ parameters, guarded: guardedBy(rule) }))
  const checkLeaf: LeafCheck = (leaf) => {
    const unstorable = checkText(leaf.value)
    if (unstorable !== undefined) return [issueAt(leaf.path, unstorable)]
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

/** The valid parameters; the others have their own errors. */
function wellFormed(parameters: unknown): Parameters {
  const members = isRecord(parameters) ? Object.entries(parameters) : []
  return Object.fromEntries(members.filter(([, value]) => checkShape(Parameter, value).length === 0)) as Parameters
}

const checkText = (value: unknown): string | undefined =>
  typeof value !== 'string' || isPlainText(value) ? undefined : plainText

function repeatedIds(rules: unknown[]): ValidationIssue[] {
  const first = new Map<unknown, number>()
  return rules.flatMap((rule, index) => {
    if (!isRecord(rule) || typeof rule.id !== 'string') return []
    const earlier = first.get(rule.id)
    if (earlier === undefined) first.set(rule.id, index)
    const message = `must be unique: /rules/${earlier} has the id ${rule.id} too`
    return earlier === undefined ? [] : [issueAt(['rules', index, 'id'], message)]
  })
}
