import type { State } from '../../domain/findings/state.ts'
import type { FlowOutcome } from '../../domain/flows/edges.ts'
import type { BlockedTrace } from '../../domain/flows/flows.ts'
import { zonesOf } from '../../domain/vantages/zones.ts'
import { required } from '../../runtime/required.ts'
import type { Codes } from '../db/codes.ts'
import type { Database } from '../db/database.ts'
import { report, reportOnAll } from '../db/statements.ts'
import { integers } from '../query/array-texts.ts'
import { trueAt } from '../query/point-in-time.ts'
import { isAbout, isTarget } from '../query/series-joins.ts'
import { andHas, type TargetScope } from '../query/target-scope.ts'
import { type CellFilter, type CellGroup, readCellGroups } from './cell-groups.ts'

export type FlowFilter = Omit<CellFilter, 'text'>

/** Checks of a rule from a vantage with the same outcome, and their targets. */
export type PolicyOutcome = FlowOutcome & { policy: string; targets: number[] }

/** Targets with the same parameters. */
export interface ParameterGroup {
  params: Record<string, unknown>
  ids: number[]
}

/** States in which a packet does not arrive. */
const blockedStates: readonly State[] = ['filtered', 'closed', 'unreachable']
/** Groups of parameters that are read: the largest ones. */
const maxGroups = 500
const maxTraces = 500

/** What is known of the flows of policies at a point in time. */
export function createFlowStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  const readNames = (groups: readonly CellGroup[]) =>
    reportOnAll<Names>(db)`
      SELECT r.id AS "ruleId", v.id AS "vantageId", r.policy, r.name AS rule, v.name AS vantage, v.zones
      FROM (SELECT DISTINCT * FROM unnest(${groups.map(({ rule }) => rule)}::int[], ${groups.map(({ vantage }) => vantage)}::int[]) AS g(rule, vantage)) g
        JOIN rule r ON r.id = g.rule JOIN vantage v ON v.id = g.vantage`

  return {
    async outcomes(at: Date, filter: FlowFilter): Promise<PolicyOutcome[]> {
      const groups = await readCellGroups(db, { codes, targetScope }, at, filter)
      const names = new Map((await readNames(groups)).map((one) => [`${one.ruleId} ${one.vantageId}`, one]))
      return groups.map(({ rule, vantage, result, state, waived, targets }) => {
        const named = required(names.get(`${rule} ${vantage}`), 'a rule and a vantage')
        return {
          policy: named.policy,
          rule: named.rule,
          vantage: named.vantage,
          zones: zonesOf(named),
          result: codes.result.wordOf(result),
          state: codes.state.wordOf(state),
          waived,
          count: targets.length,
          targets,
        }
      })
    },

    /** The parameters of these targets, and of live ones, as they are now: most targets share theirs. The most common first. */
    parameters: (ids: readonly number[], filter: FlowFilter): Promise<ParameterGroup[]> =>
      report<ParameterGroup>(db)`
        SELECT params, array_agg(id) AS ids FROM target t
        WHERE (retired_at IS NULL OR id = ANY(${integers([...ids])}::int[])) ${isTarget(filter)}
          ${andHas(targetScope, 'labels')}
        GROUP BY params ORDER BY count(*) DESC LIMIT ${maxGroups}`,

    /** Of checks that are blocked at a point in time, the newest trace since the block began. */
    traces: (at: Date, filter: FlowFilter): Promise<(BlockedTrace & { policy: string })[]> =>
      report<BlockedTrace & { policy: string }>(db)`
        SELECT DISTINCT ON (x.target_id, x.series_id) tr.id::text, r.policy, r.name AS rule, v.name AS vantage, v.zones, tr.result
        FROM trace tr JOIN target t ON t.name = tr.target JOIN vantage v ON v.name = tr.vantage
          JOIN series s ON s.target_id = t.id AND s.vantage_id = v.id JOIN rule r ON r.id = s.rule_id
          JOIN span x ON x.target_id = s.target_id AND x.series_id = s.id JOIN evidence e ON e.id = x.evidence_id
        WHERE tr.result IS NOT NULL AND tr.created_at >= x.from_at AND tr.created_at <= ${at} AND ${trueAt(at)} ${isAbout(filter)}
          AND x.state = ANY(${blockedStates.map(codes.state.numberOf)}::int[]) AND (e.content->>'port')::int = tr.port
          AND (e.content->>'host' = tr.host OR e.content->'addresses' ? tr.host)
          ${andHas(targetScope, 'tr.target_scope')} ${andHas(targetScope, 't.labels')}
        ORDER BY x.target_id, x.series_id, tr.created_at DESC LIMIT ${maxTraces}`,
  }
}

interface Names {
  ruleId: number
  vantageId: number
  policy: string
  rule: string
  vantage: string
  zones: string[]
}
