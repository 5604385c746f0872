import type { OutboxEvent } from '../../domain/webhooks/events.ts'
import type { Database } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { eventChannel, notificationOf } from './event-feed.ts'

/** The channel of new entries, and its payload. */
export const outboxChannel = 'portwarden_outbox'
export const outboxWaiter = 'outbox'

/** A published event that is not relayed to webhooks yet. */
export type OutboxEntry = OutboxEvent & { id: string; createdAt: Date }

/** Events, written in the transaction of the change. */
export function createOutboxStore(db: Database) {
  return {
    async add(events: readonly OutboxEvent[]): Promise<void> {
      await prepared<unknown>(db)`
        WITH added AS (
          INSERT INTO webhook_outbox (kind, subject, data) SELECT kind, subject, data::jsonb FROM unnest(
            ${events.map(({ type }) => type)}::text[], ${events.map(({ subject }) => subject)}::text[],
            ${events.map(({ data }) => JSON.stringify(data))}::text[]
          ) WITH ORDINALITY AS e(kind, subject, data, number) ORDER BY number RETURNING 1
        ) SELECT pg_notify(${outboxChannel}, ${outboxWaiter})::text FROM added LIMIT 1`
    },

    /** Notifies those who listen when the transaction commits. */
    async announce(events: readonly OutboxEvent[], at: Date): Promise<void> {
      const texts = events.map((event) => notificationOf(event, at))
      await prepared<unknown>(db)`SELECT pg_notify(${eventChannel}, text)::text FROM unnest(${texts}::text[]) AS text`
    },

    /** Until the end of the transaction no other one adds deliveries of alerts. */
    async holdOrder(): Promise<void> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(${takingLock}::bigint)`
    },

    /** Removes the oldest entries for the transaction that relays them. One transaction takes at a time, so that the order holds. */
    async take(limit: number): Promise<OutboxEntry[]> {
      await this.holdOrder()
      const taken = await prepared<OutboxEntry>(db)`
        DELETE FROM webhook_outbox WHERE id IN (SELECT id FROM webhook_outbox ORDER BY id LIMIT ${limit}::int)
        RETURNING id::text, kind AS type, subject, data, created_at AS "createdAt"`
      return taken.sort((a, b) => Number(a.id) - Number(b.id))
    },
  }
}

const takingLock = 7_072_692_001
