import type { FieldIssue } from '../../parts/forms/issue.ts'

export type ParameterValues = Record<string, string | number | boolean>

/** What a person types about a target. */
export interface TypedTarget {
  name: string
  address: string
  /** With commas. */
  roles: string
  /** `name=value`, one in a line. */
  labels: string
  externalId: string
  params: ParameterValues
}

/** A target as the API takes and returns it. */
export interface TargetContent {
  name: string
  address: string
  roles: string[]
  labels: Record<string, string>
  externalId: string | null
  params: ParameterValues
}

export const emptyTarget: TypedTarget = { name: '', address: '', roles: '', labels: '', externalId: '', params: {} }

/** A target as the fields of its form show it. */
export const typedTarget = ({ name, address, roles, labels, externalId, params }: TargetContent): TypedTarget => ({
  name,
  address,
  roles: roles.join(', '),
  labels: labelsText(labels),
  externalId: externalId ?? '',
  params,
})

const labelsText = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')

/** What was typed, as the API takes it, and the lines that cannot be read. */
export function readTypedTarget(typed: TypedTarget): { content: TargetContent; issues: FieldIssue[] } {
  const lines = typed.labels.split('\n').filter((line) => line.trim() !== '')
  const labels: Record<string, string> = {}
  const issues: FieldIssue[] = []
  for (const line of lines) {
    const [, name = '', value = ''] = /^\s*([^=]*?)\s*=(.*)$/.exec(line) ?? []
    if (name === '') issues.push({ pointer: '/labels', detail: `${line}: write it as name=value` })
    else if (name in labels) issues.push({ pointer: '/labels', detail: `${name} is there twice` })
    else labels[name] = value.trim()
  }
  const content = {
    name: typed.name.trim(),
    address: typed.address.trim(),
    roles: [...new Set(typed.roles.split(',').map((role) => role.trim()))].filter((role) => role !== ''),
    labels,
    externalId: typed.externalId.trim() || null,
    params: typed.params,
  }
  return { content, issues }
}

const shownFields = [
  ['address', 'Address'],
  ['roles', 'Roles'],
  ['labels', 'Labels'],
  ['externalId', 'External id'],
] as const

/** A field that differs between what is stored and what was typed, as text. */
export interface FieldDifference {
  field: string
  stored: string
  typed: string
}

/** The fields that differ. */
export function differencesOf(stored: TargetContent, typed: TargetContent): FieldDifference[] {
  const [left, right] = [typedTarget(stored), typedTarget(typed)]
  const fields = shownFields.map(([name, field]) => ({ field, stored: left[name], typed: right[name] }))
  const names = [...new Set([...Object.keys(stored.params), ...Object.keys(typed.params)])]
  const params = names.map((name) => ({
    field: `Parameter ${name}`,
    stored: String(stored.params[name] ?? ''),
    typed: String(typed.params[name] ?? ''),
  }))
  return [...fields, ...params].filter((one) => one.stored !== one.typed)
}
