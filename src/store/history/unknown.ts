import type { Result } from '../../domain/findings/judge.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { causeOf, type UnknownCause, unscheduledDays } from '../../domain/history/unknown.ts'
import type { TargetReference } from '../../domain/targets.ts'
import { zonesOf } from '../../domain/vantages/zones.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report, reportOnAll } from '../db/statements.ts'
import { type AuditTemplate, policyName } from '../inventory/schedules.ts'
import { integers } from '../query/array-texts.ts'
import { trueAt } from '../query/point-in-time.ts'
import { isAbout, needsTarget } from '../query/series-joins.ts'
import { andHas, andOfTarget, type TargetScope } from '../query/target-scope.ts'
import type { ComplianceFilter } from './compliance.ts'
import { readWithLastSeen } from './last-seen.ts'

/** Outcomes of one rule from one vantage that are not known for one reason. */
export interface UnknownGroup {
  cause: UnknownCause
  policy: string
  rule: string
  vantage: string
  zones: string[]
  /** Null for outcomes that are only too old. */
  reason: ReasonCode | null
  targetIds: number[]
  /** Since when the oldest is so; of those that are too old, the oldest last observation. */
  since: Date
}

/** Targets without any outcome. */
export interface NeverAudited {
  count: number
  /** In the order of their names; no more than were wanted. */
  names: string[]
  /** When the oldest was created. */
  since: Date
}

/** A schedule that audits whole targets. */
export interface AuditingSchedule {
  cron: string
  timeZone: string
  policy: string
  /** By references or by labels; the other is null. */
  references: TargetReference[] | null
  labels: Record<string, string> | null
}

/** Outcomes of these targets are too old if the last observation was before `before`. */
export type Expected = Pick<AuditingSchedule, 'policy' | 'references' | 'labels'> & { before: Date }

const undecided = ['unknown', 'error', 'notchecked'] as const satisfies Result[]
const decided = ['pass', 'fail'] as const satisfies Result[]

/** What is not known at a point in time, read from spans. */
export function createUnknownStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  const numbersOf = (results: readonly Result[]) => integers(results.map((result) => codes.result.numberOf(result)))
  return {
    /** Outcomes that are undecided, or decided and too old: by `expected`, else after `unscheduledDays`. */
    async groups(at: Date, expected: readonly Expected[], filter: ComplianceFilter): Promise<UnknownGroup[]> {
      const latest = new Date(at.getTime() - unscheduledDays * 86_400_000)
      const rows = await readWithLastSeen(
        db,
        at,
        filter.policy,
        (seen) => report<GroupRow>(db)`
          WITH seen AS (${seen}
          ), due AS MATERIALIZED (
            SELECT t.id AS target_id, e.policy, max(e.before) AS before
            FROM jsonb_to_recordset(${JSON.stringify(expected)}::jsonb) AS e(policy text, "references" jsonb, labels jsonb, before timestamptz)
              JOIN target t ON t.labels @> e.labels OR e."references" @> to_jsonb(t.name)
                OR e."references" @> jsonb_build_array(jsonb_build_object('externalId', t.external_id)) GROUP BY 1, 2
          ), cell AS (
            SELECT s.rule_id, s.vantage_id, x.target_id, x.from_at, coalesce(seen.observed_until, x.from_at) AS seen_at,
              seen.target_id IS NULL AS unseen, coalesce(due.before, ${latest}) AS before,
              CASE WHEN x.result = ANY(${numbersOf(undecided)}::int[]) THEN x.reason_id END AS reason_id
            FROM span x JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id JOIN rule r ON r.id = s.rule_id
              ${needsTarget(filter) ? Prisma.sql`JOIN target t ON t.id = x.target_id` : Prisma.empty}
              LEFT JOIN seen ON seen.policy = r.policy AND seen.target_id = x.target_id
              LEFT JOIN due ON due.policy = r.policy AND due.target_id = x.target_id
            WHERE ${trueAt(at)} AND x.result = ANY(${numbersOf([...undecided, ...decided])}::int[])
              ${isAbout(filter)} ${andOfTarget(targetScope, 'x.target_id')}
          )
          SELECT r.policy, r.name AS rule, v.name AS vantage, v.zones, g.* FROM (
            SELECT rule_id, vantage_id, reason_id AS "reasonId", array_agg(target_id) AS "targetIds",
              min(CASE WHEN reason_id IS NULL THEN seen_at ELSE from_at END) AS since,
              (count(*) FILTER (WHERE reason_id IS NULL AND unseen))::int AS unseen
            FROM cell WHERE reason_id IS NOT NULL OR seen_at < before GROUP BY 1, 2, 3
          ) g JOIN rule r ON r.id = g.rule_id JOIN vantage v ON v.id = g.vantage_id`,
      )
      return rows.map(({ reasonId, unseen: _, ...row }) => {
        const reason = reasonId === null ? null : codes.reason.wordOf(reasonId)
        const { policy, rule, vantage, targetIds, since } = row
        const cause = reason === null ? 'stale' : causeOf(reason)
        return { cause, policy, rule, vantage, zones: zonesOf(row), reason, targetIds, since }
      })
    },

    /** Live targets that no audit has included, or none of the policy. */
    async neverAudited(
      at: Date,
      { policy, ...filter }: ComplianceFilter,
      limit: number | null,
    ): Promise<NeverAudited | undefined> {
      const ofPolicy = Prisma.sql`JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id JOIN rule r ON r.id = s.rule_id AND r.policy = ${policy}`
      const rows = await report<{ name: string; count: number; since: Date }>(db)`
        SELECT t.name, (count(*) OVER ())::int AS count, min(t.created_at) OVER () AS since FROM target t
        WHERE t.created_at <= ${at} AND (t.retired_at IS NULL OR t.retired_at > ${at}) ${isAbout(filter)} ${andHas(targetScope, 't.labels')}
          AND NOT EXISTS (
            SELECT FROM span x ${policy === undefined ? Prisma.empty : ofPolicy} WHERE x.target_id = t.id AND x.from_at <= ${at}
          )
        ORDER BY t.name COLLATE "C" LIMIT ${limit}::int`
      return rows[0] && { count: rows[0].count, since: rows[0].since, names: rows.map(({ name }) => name) }
    },

    /** The names of targets that `groups` has returned, by id. */
    async namesOf(ids: readonly number[]): Promise<Map<number, string>> {
      const rows = await report<{ id: number; name: string }>(db)`
        SELECT id, name FROM target WHERE id = ANY(${integers(ids)}::int[]) ${andHas(targetScope, 'labels')}`
      return new Map(rows.map(({ id, name }) => [id, name]))
    },

    /** The present schedules that were there at a point in time, of all callers, because they say how often a target is audited. */
    async schedules(at: Date): Promise<AuditingSchedule[]> {
      const rows = await reportOnAll<{ cron: string; timeZone: string; audit: AuditTemplate; scope: TargetScope }>(db)`
        SELECT cron, time_zone AS "timeZone", audit, target_scope AS scope FROM schedule WHERE enabled AND created_at <= ${at}`
      return rows.flatMap(({ audit, scope, ...times }) => {
        if (audit.vantages && audit.vantages.length > 0) return []
        const chosen = Array.isArray(audit.targets)
          ? { references: audit.targets, labels: null }
          : { references: null, labels: { ...audit.targets.labels, ...scope } }
        return { ...times, policy: policyName(audit), ...chosen }
      })
    },
  }
}

interface GroupRow {
  policy: string
  rule: string
  vantage: string
  zones: string[]
  reasonId: number | null
  targetIds: number[]
  since: Date
  unseen: number
}
