import type { Mistake } from './errors.ts'
import { permittedTime } from './permissions.ts'
import type { AuditCounts } from './verdict.ts'

/**
 * `ended`: its time is over and nothing is known of the door yet; `closed`: a look after the end found it shut;
 * `still-open`: the newest such look found it open.
 */
export const windowStates = ['requested', 'approved', 'open', 'ended', 'closed', 'still-open', 'canceled'] as const
export type WindowState = (typeof windowStates)[number]

const minuteMs = 60_000
export const maxWindowMs = 7 * 24 * 60 * minuteMs
/** How much of the past a window may begin in: clocks differ, and requests take their time. */
const pastMs = 5 * minuteMs

/** What is wrong with the time of a window that is asked for now. */
export function checkWindow({ from, to }: { from: Date; to: Date }, now: Date): Mistake[] {
  if (to <= from) return [{ pointer: '/to', message: 'must be after `from`' }]
  if (to <= now) return [{ pointer: '/to', message: 'must be in the future' }]
  if (now.getTime() - from.getTime() > pastMs) return [{ pointer: '/from', message: 'must not be in the past' }]
  if (to.getTime() - from.getTime() > maxWindowMs)
    return [{ pointer: '/to', message: 'must be within seven days after `from`: ask for another window then' }]
  return []
}

/** What an audit after the end of a window has shown; null while there is none that has ended. */
export type Proof = 'shut' | 'open' | 'nothing-to-see' | 'unproven' | null

export interface Reprobe {
  status: string
  counts: AuditCounts
  /** Some of it was seen inside another window, where a pass is about an open door; or a vantage was absent. */
  doubtful: boolean
}

/** What an audit shows that looked at the rules of a window after its end. A waiver does not shut a door. */
export function proofOf(reprobe: Reprobe | undefined): Proof {
  if (!reprobe || reprobe.status === 'queued' || reprobe.status === 'running') return null
  const { pass, fail, unknown, error } = reprobe.counts
  if (fail > 0) return 'open'
  if (reprobe.status !== 'completed' || unknown > 0 || error > 0 || reprobe.doubtful) return 'unproven'
  return pass > 0 ? 'shut' : 'nothing-to-see'
}

export interface WindowTimes {
  from: Date
  to: Date
  approvedAt: Date | null
  canceledAt: Date | null
}

/** How a window stands at a moment. */
export function windowState(window: WindowTimes, proof: Proof, now: Date): WindowState {
  const time = windowTime(window)
  if (!time) return window.canceledAt ? 'canceled' : window.approvedAt || window.to <= now ? 'ended' : 'requested'
  if (now < time.from) return 'approved'
  if (now < time.until) return 'open'
  if (proof === 'shut') return 'closed'
  return proof === 'open' ? 'still-open' : 'ended'
}

/** When a window is open; undefined for one that never is. */
export const windowTime = ({ from, to, approvedAt, canceledAt }: WindowTimes) =>
  permittedTime({ from, until: to }, { approvedAt, endedAt: canceledAt })

/** How long to wait before looking again whether the door is shut, after so many looks: a minute, doubled up to an hour. */
export const reprobePauseMs = (looks: number): number => Math.min(minuteMs * 2 ** Math.max(0, looks - 1), 60 * minuteMs)
