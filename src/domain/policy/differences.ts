import type { PolicyDocument } from './policy.ts'

/** A field that differs; undefined is absent. */
export interface FieldDifference {
  path: string
  before: unknown
  after: unknown
}

/** A rule, a parameter, or the head of a policy that differs between two versions. */
export interface Difference {
  kind: 'rule' | 'parameter' | 'policy'
  name: string
  change: 'added' | 'removed' | 'changed'
  fields: FieldDifference[]
}

type Parts = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Parts =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function fieldsOf(before: unknown, after: unknown, path = ''): FieldDifference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const isWhole = !isObject(before ?? {}) || !isObject(after ?? {}) || (before === undefined && after === undefined)
  if (isWhole || (path !== '' && (before === undefined || after === undefined))) return [{ path, before, after }]
  const [left, right] = [(before ?? {}) as Parts, (after ?? {}) as Parts]
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((name) =>
    fieldsOf(left[name], right[name], path ? `${path}.${name}` : name),
  )
}

function compareParts(kind: Difference['kind'], before: Parts, after: Parts): Difference[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const change = !(name in before) ? 'added' : !(name in after) ? 'removed' : 'changed'
    const fields = fieldsOf(before[name], after[name])
    return change === 'changed' && fields.length === 0 ? [] : [{ kind, name, change, fields }]
  })
}

const partsOf = ({ rules, parameters = {}, ...head }: PolicyDocument) => ({
  head: { [head.name]: head },
  parameters,
  rules: Object.fromEntries(rules.map((rule) => [rule.id, rule])),
})

/** What differs between two versions of a policy: its head, its rules, its parameters. The order of the fields does not count. */
export function compareVersions(before: PolicyDocument, after: PolicyDocument): Difference[] {
  const [left, right] = [partsOf(before), partsOf(after)]
  return [
    ...compareParts('policy', left.head, right.head),
    ...compareParts('rule', left.rules, right.rules),
    ...compareParts('parameter', left.parameters, right.parameters),
  ]
}

/** "2 rules changed, 1 parameter added". */
export function differencesText(differences: readonly Difference[]): string {
  const groups = Map.groupBy(differences, ({ kind, change }) => `${kind} ${change}`)
  const texts = [...groups].map(([group, { length }]) => {
    const [kind = '', change] = group.split(' ')
    return kind === 'policy' ? 'title or source changed' : `${length} ${kind}${length === 1 ? '' : 's'} ${change}`
  })
  return texts.join(', ') || 'nothing'
}
