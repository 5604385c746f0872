import { truncate } from '../../encoding/text.ts'
import type { Alert } from './alert.ts'

/** In UTF-16 units. */
interface Limits {
  /** Of one value. */
  value: number
  /** Of all entries. */
  total: number
  sizeOf(key: string, value: string): number
}

/**
 * The data of an alert as texts by name, for display and alert rules: as many fields as fit, labels last; lists of objects are omitted.
 * Texts are cut between two characters, and lists between two items.
 */
export function detailsOf({ type, data }: Alert, { value: max, total, sizeOf }: Limits): Record<string, string> {
  const entries = fieldsOf({ event: type, ...data }).sort(([a], [b]) => Number(isLabel(a)) - Number(isLabel(b)))
  let room = total
  const fitting = entries.flatMap(([key, member]) => {
    const entry = [key, toText(member, max)] as const
    const size = sizeOf(...entry)
    if (size > room) return []
    room -= size
    return [entry]
  })
  return Object.fromEntries(fitting)
}

/** The message of an alert and its page, which is never cut; `max` in UTF-16 units. */
export function textOf({ message, url }: Alert, max: number): string {
  const line = url === null ? '' : `\n${url}`
  return truncate(message, max - line.length) + line
}

const isLabel = (key: string) => key.startsWith('finding_labels_')

function fieldsOf(value: object, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, member]: [string, unknown]): [string, unknown][] => {
    const name = prefix + key
    if (member === null || member === undefined || isListOfObjects(member)) return []
    return typeof member === 'object' && !Array.isArray(member) ? fieldsOf(member, `${name}_`) : [[name, member]]
  })
}

const isListOfObjects = (value: unknown) => Array.isArray(value) && typeof value[0] === 'object'

function toText(member: unknown, max: number): string {
  if (typeof member === 'string') return truncate(member, max)
  if (!Array.isArray(member)) return JSON.stringify(member)
  let items = member
  while (JSON.stringify(items).length > max) items = items.slice(0, -1)
  return JSON.stringify(items)
}
