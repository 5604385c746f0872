import type { DeliveryStatus } from '../../domain/webhooks/alerts.ts'
import type { Attempt, Settlement } from '../../domain/webhooks/delivery-policy.ts'
import type { AnyEventType, EventPayload } from '../../domain/webhooks/events.ts'
import { receiverOf, type WaitingReceiver } from '../../domain/webhooks/receivers.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared, reportOnAll, sweep } from '../db/statements.ts'
import { andAll } from '../query/conditions.ts'
import { cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { isReplaced, reportsState } from './alerts.ts'

/** An event; `payload` is the body (Standard Webhooks). */
export interface WebhookEvent {
  id: string
  type: AnyEventType
  payload: EventPayload
}

/** An event on its way to one webhook. Those with one lane, or one series, come one after the other. */
export interface NewDelivery {
  webhookId: string
  eventId: string
  lane: string
  series?: string
  /** Instead of the webhook's. */
  url?: string
  /** Of a callback: the key whose secret signs. */
  signedFor?: string
}

/** What has to be sent now. */
export interface DueDelivery {
  id: string
  url: string
  signedFor: string | null
  lane: string
  series: string | null
  attempts: number
  event: WebhookEvent
}

/** What became of one delivery. */
export interface Delivery {
  id: string
  eventId: string
  type: string
  url: string
  status: DeliveryStatus
  attempts: number
  createdAt: Date
  /** When it is tried again; null where it is not. */
  nextAt: Date | null
  /** Of the last try. */
  triedAt: Date | null
  durationMs: number | null
  httpStatus: number | null
  error: string | null
}

interface DeliveryFilter {
  status?: DeliveryStatus
  type?: string
  cursor?: string
  limit: number
}

/** How a delivery stands after a try. */
export interface Settled {
  id: string
  triedAt: Date
  attempt: Attempt
  settlement: Settlement
}

/** Deliveries of events, and their outcome. */
export function createDeliveryStore(db: Database) {
  return {
    /** Returns the ids of the deliveries; those to a webhook that was removed meanwhile are left out. */
    async add(events: readonly WebhookEvent[], deliveries: readonly NewDelivery[]): Promise<string[]> {
      if (deliveries.length === 0) return []
      const payloads = events.map(({ payload }) => JSON.stringify(payload))
      await db.$executeRaw`
        INSERT INTO webhook_event (id, type, payload) SELECT id, type, payload::jsonb
        FROM unnest(${events.map(({ id }) => id)}::uuid[], ${events.map(({ type }) => type)}::text[], ${payloads}::text[]) AS e(id, type, payload)`
      const column = <T>(pick: (delivery: NewDelivery) => T) => deliveries.map(pick)
      const added = await prepared<{ id: string }>(db)`
        WITH existing AS (
          SELECT id FROM webhook WHERE id = ANY(${[...new Set(column((d) => d.webhookId))]}::text[]) FOR KEY SHARE
        ) INSERT INTO webhook_delivery (webhook_id, event_id, lane, series, url, signed_for, receiver, status)
        SELECT webhook_id, event_id, lane, series, url, signed_for, receiver, 'waiting' FROM unnest(
          ${column((d) => d.webhookId)}::text[], ${column((d) => d.eventId)}::uuid[], ${column((d) => d.lane)}::text[],
          ${column((d) => d.series ?? null)}::uuid[], ${column((d) => d.url ?? null)}::text[],
          ${column((d) => d.signedFor ?? null)}::text[], ${column(receiverOfDelivery)}::text[]
        ) WITH ORDINALITY AS d(webhook_id, event_id, lane, series, url, signed_for, receiver, position)
        JOIN existing ON existing.id = d.webhook_id ORDER BY position RETURNING id::text`
      return added.map(({ id }) => id)
    },

    /** The receivers of a webhook for which something may be due. */
    async dueReceivers(webhookId: string): Promise<WaitingReceiver[]> {
      const first = (after: Prisma.Sql) => Prisma.sql`(
        SELECT receiver, signed_for, next_at FROM webhook_delivery WHERE webhook_id = ${webhookId} AND status = 'waiting' ${after}
        ORDER BY receiver, next_at LIMIT 1)`
      return reportOnAll<WaitingReceiver>(db)`
        WITH RECURSIVE waiting AS (
          ${first(Prisma.empty)}
          UNION ALL SELECT n.* FROM waiting w CROSS JOIN LATERAL ${first(Prisma.sql`AND receiver > w.receiver`)} n
        ) SELECT receiver, signed_for AS key FROM waiting WHERE next_at <= now()`
    },

    /** How many callbacks of a key wait, counted up to `limit`. */
    async waitingCallbacks(key: string, limit: number): Promise<number> {
      const rows = await prepared<{ count: number }>(db)`
        SELECT count(*)::int FROM (
          SELECT FROM webhook_delivery WHERE signed_for = ${key} AND status = 'waiting' LIMIT ${limit}::int) w`
      return rows[0]?.count ?? 0
    },

    /** What can be sent to a receiver now, in order: nothing that comes after what waits for its next try. */
    async due(webhookId: string, receiver: string, limit: number): Promise<DueDelivery[]> {
      const held = (column: 'lane' | 'series') => Prisma.sql`EXISTS (
        SELECT FROM webhook_delivery b WHERE b.webhook_id = d.webhook_id AND b.status = 'waiting'
          AND ${Prisma.raw(`b.${column} = d.${column}`)} AND b.id < d.id AND b.next_at > now())`
      const rows = await reportOnAll<Omit<DueDelivery, 'event'> & Omit<WebhookEvent, 'id'> & { eventId: string }>(db)`
        SELECT d.id::text, coalesce(d.url, w.url) AS url, d.signed_for AS "signedFor", d.lane, d.series, d.attempts, e.id AS "eventId", e.type, e.payload
        FROM (
          SELECT * FROM webhook_delivery d WHERE webhook_id = ${webhookId} AND receiver = ${receiver} AND status = 'waiting' AND next_at <= now()
            AND NOT ${held('lane')} AND (series IS NULL OR NOT ${held('series')}) ORDER BY id LIMIT ${limit}::int
        ) d JOIN webhook w ON w.id = d.webhook_id JOIN webhook_event e ON e.id = d.event_id ORDER BY d.id`
      return rows.map(({ eventId, type, payload, ...row }) => ({ ...row, event: { id: eventId, type, payload } }))
    },

    /** Writes what came of tries. What was settled or sent anew by another meanwhile is settled again: it was sent twice. */
    async settle(tries: readonly Settled[]): Promise<void> {
      if (tries.length === 0) return
      const column = <T>(pick: (one: Settled) => T) => tries.map(pick)
      await db.$executeRaw`
        UPDATE webhook_delivery d SET status = t.status, attempts = d.attempts + 1, next_at = coalesce(t.next_at, d.next_at),
          tried_at = t.tried_at, duration_ms = t.duration_ms, http_status = t.http_status, error = t.error
        FROM unnest(
          ${column((t) => BigInt(t.id))}::bigint[], ${column((t) => t.settlement.status)}::text[],
          ${column((t) => ('nextAt' in t.settlement ? t.settlement.nextAt.toISOString() : null))}::timestamptz[],
          ${column((t) => t.triedAt.toISOString())}::timestamptz[], ${column((t) => Math.round(t.attempt.durationMs))}::int[],
          ${column((t) => t.attempt.status)}::int[], ${column((t) => t.attempt.error)}::text[]
        ) AS t(id, status, next_at, tried_at, duration_ms, http_status, error)
        WHERE d.id = t.id`
    },

    /** When the next of the tries for a webhook, or one of its receivers, that have to wait is due; undefined where none has to. */
    async nextAt(webhookId: string, receiver: string | null = null): Promise<Date | undefined> {
      const rows = await prepared<{ at: Date | null }>(db)`
        SELECT min(next_at) AS at FROM webhook_delivery WHERE webhook_id = ${webhookId} AND status = 'waiting' AND next_at > now()
          AND (${receiver}::text IS NULL OR receiver = ${receiver})`
      return rows[0]?.at ?? undefined
    },

    /** Enabled webhooks to which something is due. */
    async dueWebhooks(): Promise<string[]> {
      const rows = await prepared<{ id: string }>(db)`
        SELECT id FROM webhook w WHERE enabled AND (leased_until IS NULL OR leased_until < now()) AND EXISTS (
          SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.status = 'waiting' AND d.next_at <= now())`
      return rows.map(({ id }) => id)
    },

    /** The deliveries of a webhook, newest first. */
    async list(webhookId: string, { status, type, cursor, limit }: DeliveryFilter): Promise<Page<Delivery>> {
      const [before] = decodeCursor(cursor, ['']) ?? []
      const wanted = andAll([
        before !== undefined && Prisma.sql`d.id < ${numberOf(before)}`,
        status && Prisma.sql`d.status = ${status}`,
        type && Prisma.sql`e.type = ${type}`,
      ])
      const rows = await reportOnAll<Delivery>(db)`
        ${selectDelivery} AND d.webhook_id = ${webhookId} ${wanted}
        ORDER BY d.id DESC LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.id], toItem: (row) => row })
    },

    async find(webhookId: string, id: string): Promise<Delivery | undefined> {
      const rows = await prepared<Delivery>(db)`
        ${selectDelivery} AND d.webhook_id = ${webhookId} AND d.id = ${numberOf(id)}`
      return rows[0]
    },

    /** How many wait for all webhooks, for how long the oldest has (0 where none does), and how many were given up. */
    async backlog(): Promise<{ waiting: number; lagSeconds: number; dead: number }> {
      const { _count, _min } = await db.webhookDelivery.aggregate({
        where: { status: 'waiting' },
        _count: true,
        _min: { createdAt: true },
      })
      const lagMs = _min.createdAt ? Date.now() - _min.createdAt.getTime() : 0
      const dead = await db.webhookDelivery.count({ where: { status: 'dead' } })
      return { waiting: _count, lagSeconds: Math.max(0, lagMs / 1000), dead }
    },

    /** Sends a delivery once more, with all its tries; false where it is still under way. */
    async redeliver(webhookId: string, id: string): Promise<boolean> {
      const changed = await db.$executeRaw`
        UPDATE webhook_delivery SET status = 'waiting', attempts = 0, next_at = now()
        WHERE webhook_id = ${webhookId} AND id = ${numberOf(id)} AND status <> 'waiting'`
      return changed > 0
    },
  }
}

const receiverOfDelivery = ({ url, signedFor }: NewDelivery) =>
  receiverOf(url !== undefined && signedFor !== undefined ? { url, key: signedFor } : undefined)

const maxBigInt = 2n ** 63n - 1n

/** An invalid number becomes 0, which finds nothing. */
function numberOf(id: string): bigint {
  const number = /^\d{1,19}$/.test(id) ? BigInt(id) : 0n
  return number > maxBigInt ? 0n : number
}

// Not `include`: it reads in several statements, and fails if the webhook is removed between them.
const selectDelivery = Prisma.sql`
  SELECT d.id::text, d.event_id AS "eventId", e.type, coalesce(d.url, w.url) AS url, d.status, d.attempts, d.created_at AS "createdAt",
    CASE WHEN d.status = 'waiting' THEN d.next_at END AS "nextAt", d.tried_at AS "triedAt", d.duration_ms AS "durationMs",
    d.http_status AS "httpStatus", d.error
  FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id JOIN webhook_event e ON e.id = d.event_id WHERE true`

/**
 * Removes what was settled before the retention, and events that no delivery refers to any more. A dead letter that holds the
 * newest state of an alert stays, because its receiver does not know that state.
 */
export async function dropOldDeliveries(db: Database, retentionDays: number): Promise<void> {
  await sweep(db)`
    DELETE FROM webhook_delivery d
    WHERE status <> 'waiting' AND created_at < now() - make_interval(days => ${retentionDays}::int)
      AND (status <> 'dead' OR ${isReplaced} OR NOT ${reportsState})`
  await sweep(db)`
    DELETE FROM webhook_event e WHERE created_at < now() - interval '1 day'
      AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.event_id = e.id)`
}
