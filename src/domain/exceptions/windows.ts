import type { ValidationIssue } from '../errors.ts'
import { permittedTime } from './active-exception.ts'

/**
 * `lapsed`: nobody approved it in time; `ended`: its time is over and nothing is known of the door yet; `closed`: a look after
 * the end found it shut; `still-open`: the newest such look found it open.
 */
export const windowStates = [
  'requested',
  'lapsed',
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
/** How much of the past a window may begin in: clocks differ, and requests take their time. */
const pastMs = 5 * minuteMs

/** What is wrong with the time of a window that is asked for now. */
export function checkWindow({ from, to }: { from: Date; to: Date }, now: Date): ValidationIssue[] {
  if (to <= from) return [{ pointer: '/to', message: 'must be after `from`' }]
  if (to <= now) return [{ pointer: '/to', message: 'must be in the future' }]
  if (now.getTime() - from.getTime() > pastMs) return [{ pointer: '/from', message: 'must not be in the past' }]
  if (to.getTime() - from.getTime() > maxWindowMs)
    return [{ pointer: '/to', message: 'must be within seven days after `from`: ask for another window then' }]
  return []
}

export const proofs = ['closed', 'open', 'nothing-to-see', 'unproven'] as const
/** What an audit after the end of a window has shown. */
export type Proof = (typeof proofs)[number]

/** Which results an audit has for one rule and target of a window, over all vantages. */
export interface ExposureSeen {
  pass: boolean
  fail: boolean
  /** Nobody looked: there was no vantage, or it was absent. */
  notchecked: boolean
  /** A vantage could not tell, or was absent, or looked inside another window, where a pass is about an open door. */
  unsure: boolean
}

/** What an audit shows that looked at the doors of a window after its end. A waiver does not shut a door. */
export function proofOf({ completed, exposures }: { completed: boolean; exposures: readonly ExposureSeen[] }): Proof {
  if (exposures.some(({ fail }) => fail)) return 'open'
  if (!completed || exposures.some(({ pass, notchecked, unsure }) => unsure || (notchecked && !pass))) return 'unproven'
  return exposures.some(({ pass }) => pass) ? 'closed' : 'nothing-to-see'
}

/** True where no further look is needed. */
export const settles = (proof: Proof | null): boolean => proof === 'closed' || proof === 'nothing-to-see'

interface WindowTimes {
  from: Date
  to: Date
  approvedAt: Date | null
  canceledAt: Date | null
}

/** How a window stands at a moment. */
export function windowState(window: WindowTimes & { proof: Proof | null }, now: Date): WindowState {
  const time = windowTime(window)
  const { proof } = window
  if (!time) return window.canceledAt ? 'canceled' : window.to <= now ? 'lapsed' : 'requested'
  if (now < time.from) return 'approved'
  if (now < time.until) return 'open'
  if (proof === 'closed') return 'closed'
  return proof === 'open' ? 'still-open' : 'ended'
}

/** When a window is open; undefined for one that never is. */
export const windowTime = ({ from, to, approvedAt, canceledAt }: WindowTimes) =>
  permittedTime({ from, until: to }, { approvedAt, endedAt: canceledAt })

/** Job data: probe the exposure of an ended window again. `reprobe` counts from 0. */
export interface ReprobeJob {
  windowId: string
  reprobe: number
}

/** The pause after so many reprobes: a minute, doubled up to an hour. */
export const reprobePauseMs = (reprobes: number): number =>
  Math.min(minuteMs * 2 ** Math.max(0, reprobes - 1), 60 * minuteMs)
