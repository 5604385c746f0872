import type { EventType } from '../../domain/webhooks/delivery-policy.ts'
import { type Database, Prisma } from '../db/database.ts'

/** The channel on which it is told that something has to be told; the payload is what its tellers wait for. */
export const outboxChannel = 'portwarden_outbox'
export const outboxWaiter = 'outbox'

/** What happened and has to be told: the name of its event, what it is about, and what the event cannot look up later. */
export interface OutboxEntry {
  id: bigint
  kind: EventType
  subject: string
  data: Record<string, unknown>
  createdAt: Date
}

/** What an audit's end may lead to. */
export const eventsOfAudits = [
  'audit.completed',
  'drift.detected',
  'finding.opened',
  'finding.still-open',
  'finding.resolved',
] as const satisfies EventType[]

/** What has to be told. It is written in the transaction of what happened, so that nothing is lost and nothing is invented. */
export function createOutboxStore(db: Database) {
  return {
    /** Notes an event, if any webhook listens to its kind. */
    async put(kind: EventType, subject: string, data: Record<string, unknown>): Promise<void> {
      await db.$queryRaw`
        WITH added AS (
          INSERT INTO webhook_outbox (kind, subject, data) SELECT ${kind}, ${subject}, ${JSON.stringify(data)}::jsonb
          WHERE EXISTS (SELECT FROM webhook WHERE ${listens([kind])}) RETURNING 1
        ) SELECT pg_notify(${outboxChannel}, ${outboxWaiter})::text FROM added`
    },

    /** Takes the oldest entries out, for the transaction that tells them. One takes at a time, so that their order holds. */
    async take(limit: number): Promise<OutboxEntry[]> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(${takingLock}::bigint)`
      const taken = await db.$queryRaw<OutboxEntry[]>`
        DELETE FROM webhook_outbox WHERE id IN (SELECT id FROM webhook_outbox ORDER BY id LIMIT ${limit}::int)
        RETURNING id, kind, subject, data, created_at AS "createdAt"`
      return taken.sort((a, b) => Number(a.id - b.id))
    },
  }
}

const takingLock = 7_072_692_001

/** Whether a row of `webhook` is told of any of these. */
export const listens = (kinds: readonly string[]): Prisma.Sql => Prisma.sql`enabled AND events && ${[...kinds]}::text[]`
