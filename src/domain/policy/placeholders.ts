import { Value } from 'typebox/value'
import { type ParameterValue, parameterName } from './policy.ts'
import { isRecord } from './shape.ts'
import { Comparison } from './values.ts'

/** What the parameters of a policy are for one target; undefined where one has no value. */
export type ParameterValues = Readonly<Record<string, ParameterValue | undefined>>

/** A value that is one placeholder and nothing else. */
export const wholePlaceholder = `^\\$\\{${parameterName}\\}$`
/** A text that holds a placeholder. */
export const placeholderIn = `\\$\\{${parameterName}\\}`
const whole = new RegExp(wholePlaceholder)
const anywhere = new RegExp(`\\$\\{(${parameterName})\\}`, 'g')

/** The parameter that a whole-value placeholder names: `sshPort` for `${sshPort}`. */
export const placeholderOf = (value: unknown): string | undefined =>
  typeof value === 'string' && whole.test(value) ? value.slice(2, -1) : undefined

/** The parameters that a text names anywhere, each once. */
export function placeholdersIn(text: string): string[] {
  // A fast path: most values hold no placeholder.
  if (!text.includes('${')) return []
  return [...new Set(Array.from(text.matchAll(anywhere), (match) => match[1] ?? ''))]
}

/** Whether `${` starts something that is no placeholder. */
export const hasBrokenPlaceholder = (text: string): boolean => text.replace(anywhere, '').includes('${')

// The first two questions spare most values the third, which costs twenty times as much.
export const isComparison = (value: unknown): value is Comparison =>
  isRecord(value) && 'value' in value && Value.Check(Comparison, value)

/** The other side of a comparison, of either kind. */
export const comparedWith = (comparison: Comparison): ParameterValue =>
  'equals' in comparison ? comparison.equals : comparison.differsFrom

/**
 * The value with its placeholders filled in and its comparisons evaluated. A whole-value placeholder keeps the type of its
 * parameter, one inside a longer text becomes text. What lacks a value is left out: the member, the item, and a list that
 * loses all its items.
 */
export function substitute(value: unknown, values: ParameterValues): unknown {
  if (typeof value === 'string') return fillText(value, values)
  if (isComparison(value)) return evaluate(value, values)
  if (Array.isArray(value)) {
    const items = value.map((item) => substitute(item, values)).filter((item) => item !== undefined)
    return items.length === 0 && value.length > 0 ? undefined : items
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, substitute(member, values)] as const)
  return Object.fromEntries(members.filter(([, member]) => member !== undefined))
}

function fillText(text: string, values: ParameterValues): ParameterValue | undefined {
  const parameter = placeholderOf(text)
  if (parameter !== undefined) return values[parameter]
  const names = placeholdersIn(text)
  if (names.length === 0) return text
  if (names.some((name) => values[name] === undefined)) return undefined
  return text.replace(anywhere, (_, name: string) => String(values[name]))
}

/** Whether the two sides of a comparison are, or are not, the same; undefined while one of them has no value. */
function evaluate(comparison: Comparison, values: ParameterValues): boolean | undefined {
  const left = substitute(comparison.value, values)
  const right = substitute(comparedWith(comparison), values)
  if (left === undefined || right === undefined) return undefined
  return (left === right) === 'equals' in comparison
}

/** Whether each condition has a value other than false. */
export function holds(when: unknown, values: ParameterValues): boolean {
  const conditions = Array.isArray(when) ? when : when === undefined ? [] : [when]
  return conditions.every((condition) => {
    const value = substitute(condition, values)
    return value !== undefined && value !== false
  })
}
