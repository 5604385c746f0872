import type { Static } from 'typebox'
import type { ScheduleReplacement } from '../../../api/routes/schedules/schemas.ts'
import { readReference, textOf } from '../../../domain/targets.ts'
import type { FieldIssue } from '../../parts/forms/issue.ts'
import { cronOf, initialTiming, type Timing, timingOf } from './frequency.ts'

type Content = Static<typeof ScheduleReplacement>

/** What a person types about a schedule. */
export interface TypedSchedule {
  name: string
  timing: Timing
  timeZone: string
  policy: string
  /** Names and external ids (`externalId=ID`), or labels, one in a line. */
  targets: string
  params: Record<string, string | number | boolean>
  /** None: all. */
  vantages: string[]
  reason: string
  jitterMinutes: string
  overlap: Content['overlap']
  missed: Content['missed']
  enabled: boolean
}

export const emptySchedule = (policy: string): TypedSchedule => ({
  ...{ name: '', timing: initialTiming, policy, targets: '', params: {}, vantages: [], reason: '' },
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  ...{ jitterMinutes: '0', overlap: 'skip', missed: 'once', enabled: true },
})

/** A stored schedule as the fields of its form show it. */
export function typedSchedule({ name, ...content }: Content & { name: string }): TypedSchedule {
  const { cron, timeZone, audit, jitterSeconds, overlap, missed, enabled } = content
  const { policy, targets, params = {}, vantages = [], reason = '' } = audit
  const lines = Array.isArray(targets)
    ? targets.map(textOf)
    : Object.entries(targets.labels).map(([key, value]) => `${key}=${value}`)
  return {
    ...{ name, timing: timingOf(cron), timeZone, policy, targets: lines.join('\n'), params, vantages, reason },
    ...{ jitterMinutes: String(jitterSeconds / 60), overlap, missed, enabled },
  }
}

/** What was typed, as the API takes it, and what cannot be read. */
export function readTypedSchedule(typed: TypedSchedule): { content: Content; issues: FieldIssue[] } {
  const { timing, timeZone, policy, params, vantages, reason, overlap, missed, enabled } = typed
  const { targets, issues } = readSelection(typed.targets)
  const audit = {
    ...{ policy, targets },
    ...(Object.keys(params).length > 0 && { params }),
    ...(vantages.length > 0 && { vantages }),
    ...(reason && { reason }),
  }
  const jitterSeconds = Math.round(Number(typed.jitterMinutes || 0) * 60)
  return { content: { cron: cronOf(timing), timeZone, audit, jitterSeconds, overlap, missed, enabled }, issues }
}

function readSelection(text: string): { targets: Content['audit']['targets']; issues: FieldIssue[] } {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const labels = lines.filter((line) => line.includes('=') && typeof readReference(line) === 'string')
  if (labels.length === 0) return { targets: [...new Set(lines)].map(readReference), issues: [] }
  if (labels.length < lines.length)
    return { targets: [], issues: [{ pointer: '/audit/targets', detail: 'Give names or labels, not both.' }] }
  const pairs = labels.map((line) => [
    line.slice(0, line.indexOf('=')).trim(),
    line.slice(line.indexOf('=') + 1).trim(),
  ])
  return { targets: { labels: Object.fromEntries(pairs) }, issues: [] }
}
