import type { ValidationIssue } from '../domain/errors.ts'
import type { Parameters } from '../domain/policy/parameters.ts'
import { maxParameters, Parameter, type PolicyDocument, ResolvedPolicyDocument } from '../domain/policy/policy.ts'
import { checkPlainLeaf, checkShape, isRecord, issueAt, type LeafCheck, under } from '../domain/policy/shape.ts'
import { isPlainText, plainText } from '../encoding/text.ts'
import { checkParameters } from './check-parameters.ts'
import { checkRuleLeaf, checkRuleMeaning, guardedBy } from './check-rules.ts'
import { type Base, type BaseReference, baseReferenceOf, extendPolicy } from './extend.ts'
import { type Format, maxDocumentBytes, readDocument, tooLong } from './read.ts'

/** A checked document, merged with its base. */
export type Checked = { document: PolicyDocument } | { errors: ValidationIssue[]; missingBase?: BaseReference }

const maxErrors = 100

/** Parses and checks a policy document; errors name their line. */
export function loadPolicy(text: string, format: Format, base?: Base): Checked {
  const read = readDocument(text, format)
  return 'errors' in read ? read : checkValue(read.value, base, read.lineOf)
}

/** Checks a parsed policy document, such as a request body. */
export function checkPolicy(value: unknown, base?: Base): Checked {
  return isTooLong(value) ? { errors: [{ pointer: '', message: tooLong }] } : checkValue(value, base, () => undefined)
}

type LineOf = (pointer: string) => number | undefined

const isTooLong = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? '') > maxDocumentBytes

function checkValue(value: unknown, base: Base | undefined, lineOf: LineOf): Checked {
  const reference = baseReferenceOf(value)
  if (reference && 'errors' in reference) return { errors: summarize(reference.errors, lineOf) }
  if (reference) return checkExtension(value as Record<string, unknown>, { reference, base }, lineOf)
  const issues = findIssues(value)
  return issues.length === 0 ? { document: value as PolicyDocument } : { errors: summarize(issues, lineOf) }
}

function checkExtension(
  value: Record<string, unknown>,
  { reference, base }: { reference: BaseReference; base: Base | undefined },
  lineOf: LineOf,
): Checked {
  if (!base) {
    const errors = [issueAt(['extends'], `there is no policy ${String(value.extends)}`)]
    return { errors: summarize(errors, lineOf), missingBase: reference }
  }
  const merged = extendPolicy(value, base)
  if ('errors' in merged) return { errors: summarize(merged.errors, lineOf) }
  const issues = isTooLong(merged.value) ? [{ pointer: '', message: tooLong }] : findIssues(merged.value)
  if (issues.length > 0) return { errors: summarize(issues.map(merged.trace), lineOf) }
  return { document: merged.value as unknown as PolicyDocument }
}

function summarize(issues: ValidationIssue[], lineOf: LineOf): ValidationIssue[] {
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
