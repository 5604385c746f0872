import type { Evidence } from '../domain/evidence.ts'
import type { Finding } from '../domain/finding.ts'
import type { Result } from '../domain/judge.ts'
import { describeReason } from '../domain/reasons.ts'
import type { Codes } from './codes.ts'
import { type Database, Prisma } from './database.ts'
import { cutPage, decodeCursor, type Page } from './page.ts'
import { andOfTarget, type Realm } from './realm.ts'
import { findingFlags } from './record.ts'
import { seriesNamesOf } from './series-names.ts'

export type { Finding }

export interface FindingFilter {
  result?: Result
  target?: string
  rule?: string
  vantage?: string
  cursor?: string
  limit: number
}

export type FindingStore = ReturnType<typeof createFindingStore>

/** The findings of an audit. */
export function createFindingStore(db: Database, { codes, realm }: { codes: Codes; realm: Realm }) {
  return {
    /** In the order of targets and series, which never changes. */
    async list(auditId: string, { cursor, limit, ...filter }: FindingFilter): Promise<Page<Finding>> {
      const [target, series] = decodeCursor(cursor, [0, 0]) ?? [0, 0]
      const conditions = [
        filter.result && Prisma.sql`AND f.result = ${codes.result.numberOf(filter.result)}`,
        filter.target && Prisma.sql`AND t.name = ${filter.target}`,
        filter.rule && Prisma.sql`AND r.name = ${filter.rule}`,
        filter.vantage && Prisma.sql`AND v.name = ${filter.vantage}`,
      ].filter((condition) => typeof condition === 'object')
      const filtered = conditions.length > 0
      // The page is cut before anything is joined, and what has a key of its own is looked up row by row: the planner would
      // rather join the whole audit, or every target, for each page.
      const rows = await db.$queryRaw<Row[]>`
        WITH page AS MATERIALIZED (
          SELECT f.* FROM finding f ${filtered ? seriesNamesOf('f') : Prisma.empty}
          WHERE f.audit_id = ${auditId}::uuid AND (f.target_id, f.series_id) > (${target}::int, ${series}::int)
            ${andOfTarget(realm, 'f.target_id')}
            ${filtered ? Prisma.join(conditions, ' ') : Prisma.empty}
          ORDER BY f.target_id, f.series_id LIMIT ${limit + 1}
        ), looked_up AS MATERIALIZED (
          SELECT f.*, t.name AS target, s.rule_id, s.vantage_id, s.fingerprint, e.content AS evidence FROM page f
            CROSS JOIN LATERAL (SELECT rule_id, vantage_id, fingerprint FROM series WHERE target_id = f.target_id AND id = f.series_id LIMIT 1) s
            CROSS JOIN LATERAL (SELECT name FROM target WHERE id = f.target_id LIMIT 1) t
            LEFT JOIN LATERAL (SELECT content FROM evidence WHERE id = f.evidence_id LIMIT 1) e ON true
        )
        SELECT f.target_id AS "targetId", f.series_id AS "seriesId", f.fingerprint, f.target, r.name AS rule, v.name AS vantage,
          f.result, f.state, f.reason_id AS "reasonId", f.observed_at AS "observedAt", f.latency_ms AS "latencyMs",
          f.attempts, f.flags, f.evidence, p.window_id AS window, w.id AS "waiverId", w.expires_at AS "waiverExpiresAt"
        FROM looked_up f JOIN rule r ON r.id = f.rule_id JOIN vantage v ON v.id = f.vantage_id
          LEFT JOIN finding_permission p ON p.audit_id = ${auditId}::uuid AND p.target_id = f.target_id AND p.series_id = f.series_id
          LEFT JOIN waiver w ON w.id = p.waiver_id
        ORDER BY f.target_id, f.series_id`
      return cutPage(rows, limit, {
        keyOf: (row) => [row.targetId, row.seriesId],
        toItem: (row) => fromRow(codes, row),
      })
    },
  }
}

interface Row {
  fingerprint: string
  targetId: number
  seriesId: number
  target: string
  rule: string
  vantage: string
  result: number
  state: number
  reasonId: number
  observedAt: Date
  latencyMs: number
  attempts: number
  flags: number
  evidence: Evidence | null
  window: string | null
  waiverId: string | null
  waiverExpiresAt: Date | null
}

const fromRow = (codes: Codes, row: Row): Finding => ({
  fingerprint: row.fingerprint,
  target: row.target,
  rule: row.rule,
  vantage: row.vantage,
  result: codes.result.wordOf(row.result),
  state: codes.state.wordOf(row.state),
  reason: describeReason(codes.reason.wordOf(row.reasonId)),
  observedAt: row.observedAt.toISOString(),
  latencyMs: row.latencyMs < 0 ? null : row.latencyMs,
  attempts: row.attempts,
  indirect: (row.flags & findingFlags.indirect) !== 0,
  late: (row.flags & findingFlags.late) !== 0,
  evidence: row.evidence,
  window: row.window,
  waiver:
    row.waiverId && row.waiverExpiresAt ? { id: row.waiverId, expiresAt: row.waiverExpiresAt.toISOString() } : null,
})
