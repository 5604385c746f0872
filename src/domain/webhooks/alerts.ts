import type { EventType } from './events.ts'
import type { Resolution } from './tickets.ts'

/**
 * An alert at one receiver. `open`: the receiver was or will be notified of a failure. `closing`: of its resolution, which it
 * has not confirmed yet.
 */
export type AlertState = 'open' | 'closing'

/** The events of an alert. */
export type AlertEvent = 'finding.opened' | 'finding.still-open' | 'finding.resolved'

/** `superseded`: never sent, because a newer state replaced it. */
export const deliveryStatuses = ['waiting', 'delivered', 'dead', 'superseded'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/** The newest delivery of an alert; undefined where there is none, or retention has dropped it. */
export type NewestDelivery = { type: string; status: DeliveryStatus } | undefined

/** What an audit found about an alert, and how the webhook stands. */
interface AlertInput {
  /** Whether a finding of the alert fails, as often in a row as the webhook wants. */
  isFailing: boolean
  /** Whether this audit has decided a finding of the alert. */
  isSeen: boolean
  newest: NewestDelivery
  /** Whether the webhook subscribes to `finding.resolved`. */
  receivesResolved: boolean
}

/**
 * The next state of an alert at the end of an audit. An event counts once it is delivered; a dead letter is sent again.
 * So no alert stays open for a finding that passes.
 */
export function nextAlert(
  state: AlertState | undefined,
  { isFailing, isSeen, newest, receivesResolved }: AlertInput,
): { state: AlertState | undefined; event?: AlertEvent } {
  if (isFailing) {
    if (state !== 'open') return { state: 'open', event: 'finding.opened' }
    if (!isSeen) return { state }
    const isMissed = newest?.type === 'finding.opened' && newest.status === 'dead'
    return { state, event: isMissed ? 'finding.opened' : 'finding.still-open' }
  }
  if (state === undefined || !receivesResolved) return { state: undefined }
  if (state === 'open') return { state: 'closing', event: 'finding.resolved' }
  if (newest?.type !== 'finding.resolved' || newest.status === 'dead') return { state, event: 'finding.resolved' }
  return { state: newest.status === 'delivered' ? undefined : state }
}

/** Failures in a row; undefined: none. */
export function countFailures(
  failures: number | undefined,
  failure: 'fails' | Resolution | undefined,
): number | undefined {
  if (failure === undefined) return failures
  return failure === 'fails' ? (failures ?? 0) + 1 : undefined
}

/**
 * Of deliveries of one alert that wait, in their order: the only one that a receiver needs after it was down. Its newest
 * state; of a failure that it does not know yet, the event that opens the alert.
 */
export function survivorOf<D extends { type: string }>(waiting: readonly D[]): D | undefined {
  const newest = waiting.at(-1)
  if (newest?.type !== 'finding.still-open') return newest
  const before = waiting.findLast(({ type }) => type !== 'finding.still-open')
  return before?.type === 'finding.opened' ? before : newest
}

/** Events that close an alert. A dead letter with one is sent again, unless a newer delivery reports the same. */
export const clearingEvents = [
  'finding.resolved',
  'window.closed',
  'vantage.returned',
  'schedule.resumed',
] as const satisfies EventType[]

/** Why a delivery must not be sent again: what is older than the newest state would open or close an alert wrongly. */
export function redeliveryObstacle(status: DeliveryStatus, isNewest: boolean): string | undefined {
  if (status === 'waiting') return 'the delivery is under way'
  if (status === 'superseded' || !isNewest) return 'a newer delivery about the same replaced it: redeliver that one'
  return undefined
}
