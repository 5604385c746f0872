import { type AlertState, clearingEvents, type DeliveryStatus } from '../../domain/webhooks/alerts.ts'
import type { Resolution, TicketFinding } from '../../domain/webhooks/tickets.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared, reportOnAll } from '../db/statements.ts'

/** What a receiver was notified of, under one key. */
export interface Alert {
  webhookId: string
  series: string
  state: AlertState
  /** Why it is closing. */
  resolution: Resolution | null
  finding: TicketFinding
}

type AlertKey = Pick<Alert, 'webhookId' | 'series'>

/** A delivery that waits, without its content. */
interface WaitingState {
  id: string
  /** The series of its alert, or its lane. */
  subject: string
  type: string
}

/** Alerts at receivers, and the deliveries that report them. */
export function createAlertStore(db: Database) {
  return {
    /** The alerts of these webhooks. */
    async of(webhookIds: readonly string[]): Promise<Alert[]> {
      const rows = await db.webhookAlert.findMany({ where: { webhookId: { in: [...webhookIds] } } })
      return rows as unknown as Alert[]
    },

    /** Adds alerts, or replaces them. */
    async save(alerts: readonly Alert[]): Promise<void> {
      if (alerts.length === 0) return
      const column = <T>(pick: (alert: Alert) => T) => alerts.map(pick)
      await db.$executeRaw`
        INSERT INTO webhook_alert (webhook_id, series, state, resolution, finding)
        SELECT webhook_id, series, state, resolution, finding::jsonb FROM unnest(
          ${column((a) => a.webhookId)}::text[], ${column((a) => a.series)}::uuid[], ${column((a) => a.state)}::text[],
          ${column((a) => a.resolution)}::text[], ${column((a) => JSON.stringify(a.finding))}::text[]
        ) AS a(webhook_id, series, state, resolution, finding)
        ON CONFLICT (webhook_id, series) DO UPDATE
          SET state = excluded.state, resolution = excluded.resolution, finding = excluded.finding`
    },

    async remove(alerts: readonly AlertKey[]): Promise<void> {
      for (const [webhookId, some] of Map.groupBy(alerts, (alert) => alert.webhookId))
        await db.webhookAlert.deleteMany({ where: { webhookId, series: { in: some.map(({ series }) => series) } } })
    },

    /** The newest delivery of each of these alerts that has one. */
    async newest(alerts: readonly AlertKey[]): Promise<(AlertKey & { type: string; status: DeliveryStatus })[]> {
      if (alerts.length === 0) return []
      return reportOnAll<AlertKey & { type: string; status: DeliveryStatus }>(db)`
        SELECT a.webhook_id AS "webhookId", a.series::text, n.type, n.status FROM unnest(
          ${alerts.map(({ webhookId }) => webhookId)}::text[], ${alerts.map(({ series }) => series)}::uuid[]
        ) AS a(webhook_id, series) CROSS JOIN LATERAL (
          SELECT e.type, d.status FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id
          WHERE d.webhook_id = a.webhook_id AND d.series = a.series AND d.status <> 'superseded' ORDER BY d.id DESC LIMIT 1) n`
    },

    /**
     * What waits for a webhook of alerts, vantages, windows and schedules of which several states wait, in order, if its receiver
     * was down or it was paused.
     */
    async backlog(webhookId: string): Promise<WaitingState[]> {
      return reportOnAll<WaitingState>(db)`
        WITH waiting AS (
          SELECT d.id, d.subject, e.type, count(*) OVER (PARTITION BY d.subject) AS states
          FROM (SELECT id, event_id, coalesce(series::text, lane) AS subject FROM webhook_delivery d
            WHERE webhook_id = ${webhookId} AND status = 'waiting' AND (series IS NOT NULL OR ${isState})
          ) d JOIN webhook_event e ON e.id = d.event_id)
        SELECT id::text, subject, type FROM waiting WHERE states > 1 AND EXISTS (
          SELECT FROM webhook_delivery WHERE webhook_id = ${webhookId} AND status = 'waiting'
            AND (attempts > 0 OR created_at < now() - interval '1 minute')) ORDER BY waiting.id`
    },

    /** These deliveries are not sent: newer ones replace them. */
    async supersede(ids: readonly string[]): Promise<void> {
      await db.webhookDelivery.updateMany({
        where: { id: { in: ids.map(BigInt) }, status: 'waiting' },
        data: { status: 'superseded' },
      })
    },

    /**
     * Whether no newer delivery reports the same alert, vantage, window or schedule. Events of an audit and
     * pings do not replace each other.
     */
    async isNewest(webhookId: string, id: string): Promise<boolean> {
      const rows = await reportOnAll<{ isReplaced: boolean }>(db)`
        SELECT ${isReplaced} AS "isReplaced" FROM webhook_delivery d WHERE d.webhook_id = ${webhookId} AND d.id = ${BigInt(id)}`
      return rows[0]?.isReplaced !== true
    },

    /** Whether a dead letter of a webhook would close an alert. */
    async hasDeadClearing(webhookId: string): Promise<boolean> {
      const rows = await prepared<{ id: string }>(db)`
        SELECT d.id::text FROM (${deadClearing}) d WHERE d.webhook_id = ${webhookId} AND NOT ${isReplaced} LIMIT 1`
      return rows.length > 0
    },

    /** Sends dead letters that would close an alert once more, with all their tries: of one webhook, or of all enabled ones. */
    async reviveClearing(webhookId: string | null = null): Promise<void> {
      await db.$executeRaw`
        UPDATE webhook_delivery SET status = 'waiting', attempts = 0, next_at = now() WHERE id IN (
          SELECT d.id FROM (${deadClearing}) d JOIN webhook w ON w.id = d.webhook_id
          WHERE w.enabled AND (${webhookId}::text IS NULL OR w.id = ${webhookId}) AND NOT ${isReplaced})`
    },
  }
}

const newer = (same: Prisma.Sql) => Prisma.sql`EXISTS (
  SELECT FROM webhook_delivery n WHERE n.webhook_id = d.webhook_id AND n.id > d.id AND n.status <> 'superseded' AND ${same})`
/** Whether `d` is about a vantage, window or schedule. Events of an audit, digests and pings do not replace each other. */
const isState = Prisma.sql`d.series IS NULL AND d.lane !~ '^(audit|digest|ping)/'`
/** Whether a newer delivery than `d` reports the same alert, vantage, window or schedule. */
export const isReplaced = Prisma.sql`CASE WHEN d.series IS NOT NULL THEN ${newer(Prisma.sql`n.series = d.series`)}
  ELSE ${isState} AND ${newer(Prisma.sql`n.lane = d.lane`)} END`
/** Whether `d` is about an alert that is not over, a vantage, window or schedule. */
export const reportsState = Prisma.sql`(${isState} OR EXISTS (
  SELECT FROM webhook_alert a WHERE a.webhook_id = d.webhook_id AND a.series = d.series))`
const deadClearing = Prisma.sql`
  SELECT d.id, d.webhook_id, d.series, d.lane FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id
  WHERE d.status = 'dead' AND e.type = ANY(${[...clearingEvents]}::text[])`
