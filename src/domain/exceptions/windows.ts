import type { ValidationIssue } from '../errors.ts'
import type { Evidence } from '../findings/evidence.ts'
import { isSilent } from '../findings/host-response.ts'
import { isLeftOut } from '../findings/reasons.ts'
import type { State } from '../findings/state.ts'
import { permittedTime } from './active-exception.ts'

/**
 * `lapsed`: not approved in time; `ended`: over, exposure not verified yet; `closed` and `still-open`: result of the latest
 * verification after the end.
 */
export const windowStates = [
  'requested',
  'lapsed',
  'rejected',
  'canceled',
  'approved',
  'open',
  'ended',
  'still-open',
  'closed',
] as const
export type WindowState = (typeof windowStates)[number]

const minuteMs = 60_000
export const maxWindowMs = 7 * 24 * 60 * minuteMs
/** How far in the past a window may start. */
const pastMs = 5 * minuteMs

/** The issues of the requested time. */
export function checkWindow({ from, to }: { from: Date; to: Date }, now: Date): ValidationIssue[] {
  if (to <= from) return [{ pointer: '/to', message: 'must be after `from`' }]
  if (to <= now) return [{ pointer: '/to', message: 'must be in the future' }]
  if (now.getTime() - from.getTime() > pastMs) return [{ pointer: '/from', message: 'must not be in the past' }]
  if (to.getTime() - from.getTime() > maxWindowMs)
    return [{ pointer: '/to', message: 'must be within seven days after `from`: request another window for later' }]
  return []
}

export const proofs = ['closed', 'open', 'not-applicable', 'unproven'] as const
/** What an audit after the window showed of its exposures. */
export type Proof = (typeof proofs)[number]

/** The results of a rule and target, over all vantages. */
export interface ExposureSeen {
  pass: boolean
  fail: boolean
  /** Not probed: no vantage, or an absent one. */
  notchecked: boolean
  /** A vantage had no result, or probed inside another window, where a pass permits exposure. */
  unsure: boolean
  /** The evidence of what passed outside any window. */
  passed: readonly Evidence[]
}

/**
 * Whether evidence may be that of an absent host, which shows nothing about its ports, even where a rule accepts it. Addresses
 * that were left out count as little as in the rule.
 */
const mayBeAbsent = ({ addresses }: Evidence): boolean =>
  Object.values(addresses).some(
    (seen) => !isLeftOut(seen) && (absentStates.includes(seen.state) || (isSilent(seen) && seen.hostAnswered !== true)),
  )
const absentStates: readonly State[] = ['unreachable', 'unresolved', 'unknown']

/** The proof by an audit; waivers do not count. */
export function proofOf({ completed, exposures }: { completed: boolean; exposures: readonly ExposureSeen[] }): Proof {
  if (exposures.some(({ fail }) => fail)) return 'open'
  const isUnsure = ({ pass, notchecked, unsure, passed }: ExposureSeen) =>
    unsure || (notchecked && !pass) || passed.some(mayBeAbsent)
  if (!completed || exposures.some(isUnsure)) return 'unproven'
  return exposures.some(({ pass }) => pass) ? 'closed' : 'not-applicable'
}

/** Whether no further verification is needed. */
export const settles = (proof: Proof | null): boolean => proof === 'closed' || proof === 'not-applicable'

interface WindowTimes {
  from: Date
  to: Date
  approvedAt: Date | null
  canceledAt: Date | null
}

export function windowState(window: WindowTimes & { rejected: boolean; proof: Proof | null }, now: Date): WindowState {
  const time = windowTime(window)
  const { proof } = window
  if (window.rejected) return 'rejected'
  if (!time) return window.canceledAt ? 'canceled' : window.to <= now ? 'lapsed' : 'requested'
  if (now < time.from) return 'approved'
  if (now < time.until) return 'open'
  if (proof === 'closed') return 'closed'
  return proof === 'open' ? 'still-open' : 'ended'
}

/** When a window is open; undefined for never. */
export const windowTime = ({ from, to, approvedAt, canceledAt }: WindowTimes) =>
  permittedTime({ from, until: to }, { approvedAt, endedAt: canceledAt })

/** Probe the exposures of an ended window; `reprobe` counts from 0. */
export interface ReprobeJob {
  windowId: string
  reprobe: number
}

/** A minute, doubled up to an hour. */
export const reprobePauseMs = (reprobes: number): number =>
  Math.min(minuteMs * 2 ** Math.max(0, reprobes - 1), 60 * minuteMs)
