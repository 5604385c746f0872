import { type AuditCounts, noCounts } from '../../domain/findings/verdict.ts'
import type { VantageKind } from '../../domain/vantages/presence.ts'
import type { Codes } from '../db/codes.ts'
import type { Database } from '../db/database.ts'
import { prepared, report } from '../db/statements.ts'
import { andOfTarget, type TargetScope } from '../query/target-scope.ts'

/** The findings of a rule from a vantage in one audit. */
export interface RuleCounts {
  rule: string
  vantage: string
  counts: AuditCounts
}

/** How far a vantage is with an audit, in batches of checks that are planned. */
export interface VantageProgress {
  name: string
  done: number
  total: number
  kind: VantageKind
  lastSeenAt: Date | null
}

/** What an audit amounts to, in parts. */
export function createSummaryStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  return {
    /** The findings that are recorded, by rule and vantage. */
    async byRule(auditId: string): Promise<RuleCounts[]> {
      const rows = await report<{ rule: string; vantage: string; result: number; count: number; waived: number }>(db)`
        WITH counted AS (
          SELECT s.rule_id, s.vantage_id, f.result, count(*)::int AS count, count(p.waiver_id)::int AS waived
          FROM finding f JOIN series s ON s.target_id = f.target_id AND s.id = f.series_id
            LEFT JOIN finding_permission p ON p.audit_id = f.audit_id AND p.target_id = f.target_id AND p.series_id = f.series_id
          WHERE f.audit_id = ${auditId}::uuid ${andOfTarget(targetScope, 'f.target_id')} GROUP BY 1, 2, 3
        )
        SELECT r.name AS rule, v.name AS vantage, c.result, c.count, c.waived
        FROM counted c JOIN rule r ON r.id = c.rule_id JOIN vantage v ON v.id = c.vantage_id ORDER BY 1, 2`
      const groups = Map.groupBy(rows, ({ rule, vantage }) => JSON.stringify([rule, vantage]))
      return [...groups.values()].flatMap((group) => {
        const [first] = group
        return first ? { rule: first.rule, vantage: first.vantage, counts: countsOf(group) } : []
      })
    },

    /** The vantages of a running audit. */
    byVantage: (auditId: string): Promise<VantageProgress[]> =>
      prepared<VantageProgress>(db)`
        SELECT v.name, v.kind, v.last_seen_at AS "lastSeenAt", count(b.done_at)::int AS done, count(*)::int AS total
        FROM batch b JOIN vantage v ON v.id = b.vantage_id WHERE b.audit_id = ${auditId}::uuid GROUP BY v.id ORDER BY v.name`,
  }

  function countsOf(rows: readonly { result: number; count: number; waived: number }[]): AuditCounts {
    const counts: AuditCounts = { ...noCounts, waived: 0 }
    for (const { result, count, waived } of rows) {
      counts[codes.result.wordOf(result)] = count
      if (codes.result.wordOf(result) === 'fail') counts.waived = waived
    }
    return counts
  }
}
