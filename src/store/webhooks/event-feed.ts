import { v7 as newUuid } from 'uuid'
import type { EventType, OutboxEvent } from '../../domain/webhooks/events.ts'

/** The channel of events for those who listen. */
export const eventChannel = 'portwarden_events'

/** An event that has happened. */
export interface FeedEvent {
  /** The same in every process. */
  id: string
  type: EventType
  /** The name or id of what it is about. */
  subject: string
  at: string
  /** Null where the reader finds it by the subject, or where it is too large for a notification. */
  data: object | null
}

/** A notification of PostgreSQL holds less than 8,000 bytes. */
const maxBytes = 7_500

/** An event as a notification. */
export function notificationOf({ type, subject, data }: OutboxEvent, at: Date): string {
  const event = { id: newUuid(), type, subject, at: at.toISOString() }
  const whole = JSON.stringify({ ...event, data })
  return Buffer.byteLength(whole) <= maxBytes ? whole : JSON.stringify({ ...event, data: null })
}

export type EventFeed = ReturnType<typeof createEventFeed>

/** Keeps the newest events in the order in which they were committed. A position says how many came before. */
export function createEventFeed(limit = 1_000) {
  const events: FeedEvent[] = []
  let first = 0
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const waker of [...waiting]) waker()
  }
  return {
    add(event: FeedEvent): void {
      if (events.some(({ id }) => id === event.id)) return
      events.push(event)
      if (events.length > limit) {
        events.shift()
        first += 1
      }
      wake()
    },

    /** Some events may be missing: no earlier position can be continued. */
    interrupt(): void {
      first += events.length + 1
      events.length = 0
      wake()
    },

    /** The position after all events. */
    end: (): number => first + events.length,

    /** The position after an event; undefined where it is not kept any more. */
    after(id: string): number | undefined {
      const index = events.findIndex((event) => event.id === id)
      return index < 0 ? undefined : first + index + 1
    },

    /** The event at a position, undefined where none has come; `missed` where it is not kept any more. */
    at: (position: number): FeedEvent | 'missed' | undefined =>
      position < first ? 'missed' : events[position - first],

    /** Resolves when an event comes, after `ms`, or when the signal comes. Call it before reading. */
    wait(ms: number, signal: AbortSignal): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      const leave = () => resolve()
      waiting.add(leave)
      const timer = setTimeout(resolve, ms)
      signal.addEventListener('abort', leave)
      if (signal.aborted) resolve()
      return promise.finally(() => {
        clearTimeout(timer)
        signal.removeEventListener('abort', leave)
        waiting.delete(leave)
      })
    },
  }
}

/** The event that a notification of an ended audit stands for. The channel also has ended traces, whose ids are those of no audit. */
export const auditEnd = (id: string, at: Date): FeedEvent => ({
  id: `audit.completed-${id}`,
  type: 'audit.completed',
  subject: id,
  at: at.toISOString(),
  data: null,
})
