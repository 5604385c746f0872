import type { Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { andHas, andOfTarget, madeIn, type TargetScope } from '../query/target-scope.ts'

export interface Baseline {
  name: string
  auditId: string
  createdAt: string
  /** Newest first; the oldest approves the whole. */
  approvals: { approvedBy: string; reason: string; items: number; at: string }[]
}

/** Which series an approval is for, by names. */
export interface ApprovedItem {
  target: string
  policy: string
  rule: string
  vantage: string
}

interface Approval {
  approvedBy: string
  reason: string
}

/** Approved snapshots, copied to outlive findings and spans. */
export function createBaselineStore(db: Database, targetScope: TargetScope) {
  const recordApproval = (baseline: string, { approvedBy, reason }: Approval, items: number) =>
    db.baselineApproval.create({ data: { baseline, approvedBy, reason, items } })

  return {
    /**
     * Approves all that an audit found, under a new name. `taken`: there is a baseline of that name; `empty`: there are no
     * findings, because retention has dropped them; then nothing is written, if the caller rolls back.
     */
    async approveAudit(name: string, auditId: string, approval: Approval): Promise<'made' | 'taken' | 'empty'> {
      const made = await db.baseline.createMany({ data: { name, auditId, targetScope }, skipDuplicates: true })
      if (made.count === 0) return 'taken'
      const items = await db.$executeRaw`
        INSERT INTO baseline_state (baseline, target_id, series_id, at, evidence_id, result, state, reason_id, audit_id)
        SELECT ${name}, target_id, series_id, observed_at, evidence_id, result, state, reason_id, audit_id
        FROM finding WHERE audit_id = ${auditId}::uuid ${andOfTarget(targetScope, 'target_id')}`
      if (items === 0) return 'empty'
      await recordApproval(name, approval, items)
      return 'made'
    },

    /**
     * Moves single series forward to what is true of them now; one that has left the scope leaves the baseline too. Returns the
     * indexes of items of which nothing is known or approved; then nothing moved.
     */
    async approveItems(name: string, items: readonly ApprovedItem[], approval: Approval): Promise<number[]> {
      const found = await prepared<{ position: number; known: boolean }>(db)`
        WITH wanted AS (
          SELECT g.position::int AS position, s.target_id, s.id AS series_id
          FROM unnest(${items.map((i) => i.target)}::text[], ${items.map((i) => i.policy)}::text[], ${items.map((i) => i.rule)}::text[],
            ${items.map((i) => i.vantage)}::text[]) WITH ORDINALITY AS g(target, policy, rule, vantage, position)
          LEFT JOIN (target t JOIN series s ON s.target_id = t.id JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id)
            ON t.name = g.target AND r.policy = g.policy AND r.name = g.rule AND v.name = g.vantage ${andHas(targetScope, 't.labels')}
        ), now AS (
          SELECT w.position, p.*, b.target_id AS approved_target, b.series_id AS approved_series
          FROM wanted w LEFT JOIN span p ON p.target_id = w.target_id AND p.series_id = w.series_id AND p.to_at IS NULL
            LEFT JOIN baseline_state b ON b.baseline = ${name} AND b.target_id = w.target_id AND b.series_id = w.series_id
        ), complete AS (
          SELECT bool_and(coalesce(series_id, approved_series) IS NOT NULL) AS yes FROM now
        ), gone AS (
          DELETE FROM baseline_state b USING now WHERE (SELECT yes FROM complete) AND now.series_id IS NULL
            AND b.baseline = ${name} AND b.target_id = approved_target AND b.series_id = approved_series
        ), moved AS (
          INSERT INTO baseline_state (baseline, target_id, series_id, at, evidence_id, result, state, reason_id, audit_id)
          SELECT DISTINCT ${name}, target_id, series_id, from_at, evidence_id, result, state, reason_id, audit_id
          FROM now WHERE (SELECT yes FROM complete) AND series_id IS NOT NULL
          ON CONFLICT (baseline, target_id, series_id) DO UPDATE SET at = excluded.at, evidence_id = excluded.evidence_id,
            result = excluded.result, state = excluded.state, reason_id = excluded.reason_id, audit_id = excluded.audit_id
        ) SELECT position, coalesce(series_id, approved_series) IS NOT NULL AS known FROM now ORDER BY position`
      const missing = found.filter(({ known }) => !known).map(({ position }) => position - 1)
      if (missing.length === 0) await recordApproval(name, approval, items.length)
      return missing
    },

    /** Delays a removal until the end of the transaction. */
    async lock(name: string): Promise<void> {
      await db.$executeRaw`SELECT FROM baseline WHERE name = ${name} FOR KEY SHARE`
    },

    async find(name: string): Promise<Baseline | undefined> {
      const row = await db.baseline.findFirst({ where: { name, ...madeIn(targetScope) }, include })
      return row ? fromRow(row) : undefined
    },

    async list({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<Baseline>> {
      const [after = ''] = decodeCursor(cursor, ['']) ?? []
      const where = { name: { gt: after }, ...madeIn(targetScope) }
      const rows = await db.baseline.findMany({ where, include, orderBy: { name: 'asc' }, take: limit + 1 })
      return cutPage(rows, limit, { keyOf: ({ name }) => [name], toItem: fromRow })
    },

    async remove(name: string): Promise<void> {
      const removed = await db.baseline.deleteMany({ where: { name, ...madeIn(targetScope) } })
      if (removed.count > 0) await db.baselineState.deleteMany({ where: { baseline: name } })
    },
  }
}

const include = { approvals: { orderBy: { id: 'desc' } } } satisfies Prisma.BaselineInclude

const fromRow = ({
  name,
  auditId,
  createdAt,
  approvals,
}: Prisma.BaselineGetPayload<{ include: typeof include }>): Baseline => ({
  name,
  auditId,
  createdAt: createdAt.toISOString(),
  approvals: approvals.map(({ approvedBy, reason, items, createdAt: at }) => ({
    approvedBy,
    reason,
    items,
    at: at.toISOString(),
  })),
})
