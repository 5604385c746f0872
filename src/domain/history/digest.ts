import type { RunOutcome } from '../schedules.ts'
import { type DriftClass, driftClasses } from './drift.ts'
import type { UnknownCause } from './unknown.ts'

/** What ends soon. */
export const endingKinds = ['certificate', 'waiver', 'window'] as const
export type EndingKind = (typeof endingKinds)[number]

/** How far ahead a digest names what ends. */
export const endingDays = 14

/** What a period amounts to; times are RFC 3339. */
export interface DigestContent {
  from: string
  to: string
  /** Audits that ended in the period. */
  audits: number
  /** Differences between its two ends. */
  changes: Record<DriftClass, number>
  /** At its end: checks in scope, failures that no waiver accepts, waived failures, and checks without a conclusive outcome. */
  checks: { total: number; failing: number; waived: number; unknown: number }
  /** What is not known at its end, and why. */
  unknown: { cause: UnknownCause; title: string; count: number; targets: number }[]
  /** What has ended in the period, or ends within `endingDays` after it. */
  ending: {
    counts: Record<EndingKind, number>
    /** The first to end first. */
    items: { kind: EndingKind; id: string; name: string; endsAt: string }[]
  }
  missedRuns: {
    total: number
    /** The newest. */
    newest: { schedule: string; policy: string; dueAt: string; outcome: RunOutcome; reason: string | null }[]
  }
}

/** With its sentence. */
export interface Digest extends DigestContent {
  /** All of it in a few sentences. */
  summary: string
}

/** Says what a period amounts to; "nothing changed" is said only where something was audited. */
export function summarize({ from, audits, changes, checks, ending, missedRuns }: DigestContent): string {
  const changed = driftClasses.filter((kind) => changes[kind] > 0).map((kind) => `${number(changes[kind])} ${kind}`)
  const since = `since ${from.slice(0, 16).replace('T', ' ')} UTC`
  const ends = endingKinds.filter((kind) => ending.counts[kind] > 0).map((kind) => counted(ending.counts[kind], kind))
  return [
    ...(changed.length > 0 ? [`${capital(changed.join(', '))} ${since}.`] : []),
    ...(changed.length === 0 && audits > 0 ? [`Nothing changed ${since}.`] : []),
    audits === 0 ? `No audit ended ${since}, so nothing was checked again.` : `${counted(audits, 'audit')} ended.`,
    `Of ${counted(checks.total, 'check')}, ${number(checks.failing)} fail${checks.waived > 0 ? `, ${number(checks.waived)} fail and are waived` : ''}, ${number(checks.unknown)} are not known.`,
    ...(ends.length > 0 ? [`Ends within ${endingDays} days: ${ends.join(', ')}.`] : []),
    ...(missedRuns.total > 0 ? [`${counted(missedRuns.total, 'scheduled run')} had no audit.`] : []),
  ].join(' ')
}

const number = (count: number) => count.toLocaleString('en')
const counted = (count: number, what: string) => `${number(count)} ${what}${count === 1 ? '' : 's'}`
const capital = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`

/** Whether nothing differs between the two ends. */
export const isUnchanged = ({ changes }: Pick<DigestContent, 'changes'>): boolean =>
  driftClasses.every((kind) => changes[kind] === 0)
