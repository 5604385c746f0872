import { findingFlags } from '../../domain/findings/finding.ts'
import type { Result } from '../../domain/findings/judge.ts'
import { describeReason } from '../../domain/findings/reasons.ts'
import type { TicketFinding } from '../../domain/webhooks/tickets.ts'
import type { Codes } from '../db/codes.ts'
import type { Database } from '../db/database.ts'
import { prepared, reportOnAll } from '../db/statements.ts'

/** A failing finding at a webhook. */
export interface Ticket {
  webhookId: string
  fingerprint: string
  /** The alert that it belongs to. */
  series: string
  /** In a row. */
  failures: number
  /** When it first failed. */
  openedAt: Date
  finding: TicketFinding
}

/** What is true now of a series that fails or has a ticket; the rest of it is in the policy. */
export type SeenFinding = Omit<TicketFinding, 'policy' | 'title' | 'severity' | 'controls' | 'remediation'>

/** Findings as the raw material of tickets. */
export function createTicketStore(db: Database, codes: Codes) {
  return {
    /**
     * The findings of an audit that fail or have a ticket; `group` identifies the target. Where another audit has a newer
     * result that is known, that one reports it.
     */
    async seen(auditId: string): Promise<{ group: string; finding: SeenFinding }[]> {
      const known = (['pass', 'fail', 'notapplicable'] as Result[]).map((result) => codes.result.numberOf(result))
      const rows = await reportOnAll<Row>(db)`
        SELECT md5('portwarden target ' || t.id)::uuid::text AS "group",
          s.fingerprint, t.name AS target, t.address, t.labels, t.external_id AS "externalId", r.name AS rule, v.name AS vantage,
          f.result, f.state, f.reason_id AS "reasonId", f.observed_at AS "observedAt", p.waiver_id AS waiver
        FROM finding f JOIN series s ON s.target_id = f.target_id AND s.id = f.series_id
          CROSS JOIN LATERAL (
            SELECT x.result FROM span x WHERE x.target_id = f.target_id AND x.series_id = f.series_id AND x.result = ANY(${known}::int[])
            ORDER BY x.from_at DESC LIMIT 1
          ) x
          JOIN target t ON t.id = f.target_id JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id
          LEFT JOIN finding_permission p ON p.audit_id = f.audit_id AND p.target_id = f.target_id AND p.series_id = f.series_id
        WHERE f.audit_id = ${auditId}::uuid AND f.result = x.result AND f.flags & ${findingFlags.late}::smallint = 0
          AND (f.result = ${codes.result.numberOf('fail')}
            OR EXISTS (SELECT FROM webhook_ticket k WHERE k.fingerprint = s.fingerprint))
          AND EXISTS (SELECT FROM span o WHERE o.target_id = f.target_id AND o.series_id = f.series_id AND o.to_at IS NULL)
        ORDER BY f.target_id, f.series_id`
      return rows.map(({ group, result, state, reasonId, observedAt, ...row }) => ({
        group,
        finding: {
          ...row,
          result: codes.result.wordOf(result),
          state: codes.state.wordOf(state),
          reason: describeReason(codes.reason.wordOf(reasonId)),
          observedAt: observedAt.toISOString(),
        },
      }))
    },

    /** The tickets of these webhooks. */
    async of(webhookIds: readonly string[]): Promise<Ticket[]> {
      const rows = await db.webhookTicket.findMany({ where: { webhookId: { in: [...webhookIds] } } })
      return rows.map(({ finding, ...row }) => ({ ...row, finding: finding as unknown as TicketFinding }))
    },

    /** The series that no audit includes any more. */
    async gone(fingerprints: readonly string[]): Promise<Set<string>> {
      const rows = await prepared<{ fingerprint: string }>(db)`
        SELECT g.fingerprint FROM unnest(${[...fingerprints]}::uuid[]) AS g(fingerprint) WHERE NOT EXISTS (
          SELECT FROM series s JOIN span x ON x.target_id = s.target_id AND x.series_id = s.id AND x.to_at IS NULL
          WHERE s.fingerprint = g.fingerprint)`
      return new Set(rows.map(({ fingerprint }) => fingerprint))
    },

    /** Adds tickets, or replaces them. */
    async save(tickets: readonly Ticket[]): Promise<void> {
      if (tickets.length === 0) return
      const column = <T>(pick: (ticket: Ticket) => T) => tickets.map(pick)
      await db.$executeRaw`
        INSERT INTO webhook_ticket (webhook_id, fingerprint, series, failures, opened_at, finding)
        SELECT webhook_id, fingerprint, series, failures, opened_at, finding::jsonb FROM unnest(
          ${column((t) => t.webhookId)}::text[], ${column((t) => t.fingerprint)}::uuid[], ${column((t) => t.series)}::uuid[],
          ${column((t) => t.failures)}::int[], ${column((t) => t.openedAt.toISOString())}::timestamptz[],
          ${column((t) => JSON.stringify(t.finding))}::text[]
        ) AS t(webhook_id, fingerprint, series, failures, opened_at, finding)
        ON CONFLICT (webhook_id, fingerprint) DO UPDATE
          SET series = excluded.series, failures = excluded.failures, finding = excluded.finding`
    },

    /** The findings of open alerts keep them open when a webhook wants more failures in a row from now on. */
    async keepOpened(webhookId: string, before: number, openAfter: number): Promise<void> {
      await db.$executeRaw`
        UPDATE webhook_ticket t SET failures = ${openAfter}::int WHERE webhook_id = ${webhookId}
          AND failures >= ${before}::int AND failures < ${openAfter}::int
          AND EXISTS (SELECT FROM webhook_alert a WHERE a.webhook_id = t.webhook_id AND a.series = t.series AND a.state = 'open')`
    },

    async remove(tickets: readonly Pick<Ticket, 'webhookId' | 'fingerprint'>[]): Promise<void> {
      for (const [webhookId, some] of Map.groupBy(tickets, (ticket) => ticket.webhookId)) {
        const fingerprints = some.map(({ fingerprint }) => fingerprint)
        await db.webhookTicket.deleteMany({ where: { webhookId, fingerprint: { in: fingerprints } } })
      }
    },
  }
}

type Row = Omit<SeenFinding, 'result' | 'state' | 'reason' | 'observedAt'> & {
  group: string
  result: number
  state: number
  reasonId: number
  observedAt: Date
}
