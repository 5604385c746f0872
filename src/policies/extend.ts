import type { ValidationIssue } from '../domain/errors.ts'
import type { PolicyDocument } from '../domain/policy/policy.ts'
import { isRecord, issueAt, nearestName } from '../domain/policy/shape.ts'
import { stepsOf } from '../encoding/json-pointer.ts'
import { truncate } from '../encoding/text.ts'

type Members = Record<string, unknown>

/** The policy to extend; by default its newest version. */
export interface BaseReference {
  name: string
  version?: number
}
/** A resolved policy; the label is `NAME` or `NAME@VERSION`. */
export interface Base {
  label: string
  document: PolicyDocument
}

/** A merged document; `trace` finds issues in the original. */
interface Merged {
  value: Members
  trace: (issue: ValidationIssue) => ValidationIssue
}

/** `NAME` or `NAME@VERSION`. */
export const reference = /^([a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?)(?:@([1-9]\d{0,8}))?$/
const newRuleNeeds = ['title', 'severity', 'direction', 'from', 'probe', 'expect'] as const

/** The base of a document, if any. */
export function baseReferenceOf(value: unknown): BaseReference | { errors: ValidationIssue[] } | undefined {
  if (!isRecord(value) || value.extends === undefined) return undefined
  const [, name, version] = (typeof value.extends === 'string' && reference.exec(value.extends)) || []
  if (name === undefined)
    return {
      errors: [issueAt(['extends'], 'must be the name of a policy, NAME or NAME@VERSION, such as ssh-baseline@1')],
    }
  if (name === value.name)
    return { errors: [issueAt(['extends'], 'must be another policy: this one has the same name')] }
  return version === undefined ? { name } : { name, version: Number(version) }
}

/** Merges parameters by name and rules by id, field by field. Null removes a field, as in RFC 7396, one level deep. */
export function extendPolicy(extension: Members, base: Base): Merged | { errors: ValidationIssue[] } {
  const { extends: _, omit, parameters, rules, ...head } = extension
  const errors = [
    ...checkHead(extension),
    ...checkOmitted(omit, rules, base),
    ...checkParameters(parameters, base),
    ...checkRules(rules, base),
  ]
  if (errors.length > 0) return { errors }
  const merged = mergeRules((rules ?? []) as Members[], new Set((omit ?? []) as string[]), base)
  const { base: __, ...inherited } = base.document
  const value = withoutNulls({
    ...inherited,
    ...head,
    base: base.label,
    parameters: mergeParameters((parameters ?? {}) as Members, base),
    rules: merged.map(({ rule }) => rule),
  })
  return {
    value,
    trace: tracer(
      extension,
      merged.map(({ own }) => own),
      { base, value },
    ),
  }
}

function checkHead(extension: Members): ValidationIssue[] {
  const { name, base } = extension
  return [
    ...(name === undefined ? [issueAt(['name'], 'is missing: the policy needs a name of its own')] : []),
    ...(base === undefined ? [] : [issueAt(['base'], 'does not go with `extends`: the service writes it')]),
  ]
}

const ruleIds = ({ document }: Base) => document.rules.map(({ id }) => id)

function hint(name: string, known: string[]): string {
  const near = nearestName(name, known)
  return near === undefined ? '' : `: did you mean \`${near}\`?`
}

function checkOmitted(omit: unknown, rules: unknown, base: Base): ValidationIssue[] {
  if (omit === undefined) return []
  if (!Array.isArray(omit) || omit.length > 500) return [issueAt(['omit'], 'must be a list of at most 500 rule ids')]
  const ids = ruleIds(base)
  const own = new Set((Array.isArray(rules) ? rules : []).map((rule) => (isRecord(rule) ? rule.id : undefined)))
  return omit.flatMap((id, index) => {
    if (typeof id !== 'string') return [issueAt(['omit', index], 'must be the id of a rule')]
    if (!ids.includes(id)) {
      const near = index < 20 ? hint(id, ids) : ''
      return [issueAt(['omit', index], `${base.label} has no rule \`${truncate(id, 60)}\`${near}`)]
    }
    return own.has(id)
      ? [issueAt(['omit', index], `rule \`${id}\` is omitted and listed in \`rules\`: give one of the two`)]
      : []
  })
}

function checkParameters(parameters: unknown, base: Base): ValidationIssue[] {
  if (parameters === undefined) return []
  if (!isRecord(parameters)) return [issueAt(['parameters'], 'must be an object')]
  const known = base.document.parameters ?? {}
  return Object.entries(parameters).flatMap(([name, parameter], index) => {
    if (parameter !== null && !isRecord(parameter)) return [issueAt(['parameters', name], 'must be an object, or null')]
    if (Object.hasOwn(known, name) || (parameter !== null && parameter.type !== undefined)) return []
    const near = index < 20 ? hint(name, Object.keys(known)) : ''
    const needs = near === '' && parameter !== null ? ': a new parameter needs its `type`' : near
    return [issueAt(['parameters', name], `${base.label} has no parameter \`${truncate(name, 60)}\`${needs}`)]
  })
}

function checkRules(rules: unknown, base: Base): ValidationIssue[] {
  if (rules === undefined) return []
  if (!Array.isArray(rules) || rules.length > 500) return [issueAt(['rules'], 'must be a list of at most 500 rules')]
  const ids = ruleIds(base)
  const seen = new Map<string, number>()
  return rules.flatMap((rule, index) => {
    if (!isRecord(rule)) return [issueAt(['rules', index], 'must be an object with the id of a rule')]
    const { id } = rule
    if (typeof id !== 'string') return [issueAt(['rules', index, 'id'], 'is missing: must be the id of a rule')]
    const first = seen.get(id)
    if (first !== undefined)
      return [issueAt(['rules', index, 'id'], `must be unique: /rules/${first} has the id ${truncate(id, 60)} too`)]
    seen.set(id, index)
    const missing = newRuleNeeds.filter((field) => (rule[field] ?? undefined) === undefined)
    if (ids.includes(id) || missing.length === 0) return []
    const near = (index < 20 ? hint(id, ids) : '') || `: a new rule needs ${missing.join(', ')} too`
    return [issueAt(['rules', index, 'id'], `${base.label} has no rule \`${truncate(id, 60)}\`${near}`)]
  })
}

const withoutNulls = (members: Members): Members =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null))

function mergeParameters(own: Members, { document }: Base): Members | null {
  const known: Members = { ...document.parameters }
  const merged = Object.entries(own).map(([name, parameter]) => [
    name,
    parameter === null ? null : withoutNulls({ ...(known[name] as Members | undefined), ...(parameter as Members) }),
  ])
  const all = withoutNulls({ ...known, ...Object.fromEntries(merged) })
  return Object.keys(all).length === 0 ? null : all
}

/** Rules of the base, then new ones; `own` is the original index. */
function mergeRules(
  own: Members[],
  omitted: ReadonlySet<string>,
  { document }: Base,
): { rule: Members; own?: number }[] {
  const index = new Map(own.map(({ id }, at) => [id, at]))
  const inherited = document.rules
    .filter(({ id }) => !omitted.has(id))
    .map((rule) => {
      const at = index.get(rule.id)
      index.delete(rule.id)
      return at === undefined ? { rule: rule as Members } : { rule: withoutNulls({ ...rule, ...own[at] }), own: at }
    })
  return [...inherited, ...[...index.values()].map((at) => ({ rule: withoutNulls(own[at] ?? {}), own: at }))]
}

/** Points at the original field, or at `extends`. */
function tracer(
  extension: Members,
  ownRules: (number | undefined)[],
  { base, value }: { base: Base; value: Members },
): Merged['trace'] {
  return ({ pointer, message, ...issue }) => {
    const [part = '', member = '', field = '', ...rest] = stepsOf(pointer)
    const own = part === 'rules' && member !== '' ? ownRules[Number(member)] : member
    const holder = extension[part]
    const listed = isRecord(holder) || Array.isArray(holder) ? (holder as Members)[own ?? ''] : undefined
    const path = own === undefined ? undefined : [part, own, field, ...rest].filter((step) => step !== '')
    if (path && (field === '' ? holder !== undefined : isRecord(listed) && field in listed))
      return { ...issueAt(path, message), ...issue }
    const rule = part === 'rules' ? (value.rules as PolicyDocument['rules'])[Number(member)]?.id : undefined
    const what = rule !== undefined ? `rule ${rule}` : member === '' ? part : `parameter ${member}`
    const where = isRecord(listed) ? [part, own as string | number] : ['extends']
    const inside = field === '' ? '' : `, ${[field, ...rest].join('.')}`
    return { ...issueAt(where, `makes ${what} of ${base.label} invalid${inside}: ${message}`), ...issue }
  }
}
