import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { createLookup, splitReferences } from '../../domain/targets.ts'
import { digest } from '../../encoding/canonical-json.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import type { StoredTarget } from '../inventory/targets.ts'
import type { KnownVantage } from '../inventory/vantages.ts'
import { integers } from '../query/array-texts.ts'
import type { Selection } from '../query/selection.ts'
import { andHas, hasLabels, isIn, type TargetScope } from '../query/target-scope.ts'

/** The data for planning, at one point in time. */
export interface PlanningSnapshot {
  policy: { id: number; name: string; document: PolicyDocument; isNewest: boolean }
  targets: PlannedTarget[]
  /** By name, without the entries of empty zones. */
  vantages: KnownVantage[]
}
export type PlannedTarget = Pick<StoredTarget, 'id' | 'name' | 'address' | 'params'>

/** A requested policy and targets. */
export interface AuditSelection {
  policy: { name: string; version: number | undefined }
  targets: Selection
  requestedBy: string
}

export type FoundSelection = Omit<PlanningSnapshot, 'policy' | 'targets'> & {
  policy: PlanningSnapshot['policy'] | undefined
  /** Of an ambiguous external id all that have it. */
  targets: (PlannedTarget & Pick<StoredTarget, 'externalId'>)[]
  checksInFlight: number
}

/** Reads in one statement what accepting and planning audits need: it is done for each, and each round trip counts. */
export function createPlanningStore(db: Database, targetScope: TargetScope) {
  const read = async (policies: Prisma.Sql, targets: Prisma.Sql, callers: readonly string[]) => {
    const [row] = await prepared<Read>(db)`
      SELECT (
        SELECT coalesce(json_agg(found), '[]') FROM (
          SELECT p.id, p.name, p.version, p.digest, p.document, g.requested_version AS "requestedVersion", p.version = (SELECT max(version) FROM policy n WHERE n.name = p.name) AS "isNewest"
          FROM ${policies}
        ) found
      ) AS policies, (
        SELECT coalesce(json_agg(json_build_object('id', id, 'name', name, 'address', address, 'params', params, 'labels', labels, 'externalId', external_id)
          ORDER BY id), '[]') FROM target WHERE ${targets} ${andHas(targetScope, 'labels')}
      ) AS targets, (
        SELECT coalesce(json_agg(json_build_object('name', name, 'zones', zones, 'kind', kind, 'version', version) ORDER BY name), '[]')
        FROM vantage WHERE name NOT LIKE 'zone:%' AND removed_at IS NULL
      ) AS vantages, ${checksInFlight(callers)} AS "checksInFlight"`
    if (!row) throw new Error('a row of subselects is missing')
    row.policies.forEach(checkDigest)
    return row
  }

  return {
    /** For requests: each its policy, the newest version where none is named, and how many checks its caller has under way. */
    async forRequests(requests: readonly AuditSelection[]): Promise<FoundSelection[]> {
      const versions = requests.map(({ policy }) => policy.version ?? newest)
      const policies = Prisma.sql`(
        SELECT DISTINCT * FROM unnest(${requests.map(({ policy }) => policy.name)}::text[], ${versions}::int[]) AS g(name, requested_version)
      ) g CROSS JOIN LATERAL (
        SELECT * FROM policy WHERE name = g.name AND g.requested_version IN (${newest}, version) ORDER BY version DESC LIMIT 1
      ) p`
      const references = requests.flatMap(({ targets }) => (Array.isArray(targets) ? targets : []))
      const { names, externalIds } = splitReferences(references)
      const labels = requests.flatMap(({ targets }) => (Array.isArray(targets) ? [] : [targets.labels]))
      const selected = [
        Prisma.sql`name = ANY(${[...new Set(names)]}::text[])`,
        ...(externalIds.length > 0 ? [Prisma.sql`external_id = ANY(${[...new Set(externalIds)]}::text[])`] : []),
        ...labels.map((one) => hasLabels(one, 'labels')),
      ]
      const found = await read(
        policies,
        Prisma.sql`retired_at IS NULL AND (${Prisma.join(selected, ' OR ')})`,
        requests.map(({ requestedBy }) => requestedBy),
      )
      const findEach = createLookup(found.targets)
      return requests.map(({ policy, targets, requestedBy }, i) => ({
        policy: found.policies.find(
          ({ name, requestedVersion }) => name === policy.name && requestedVersion === versions[i],
        ),
        targets: Array.isArray(targets)
          ? targets.flatMap(findEach)
          : found.targets.filter((target) => isIn(targets.labels, target.labels)),
        vantages: found.vantages,
        checksInFlight: found.checksInFlight[requestedBy] ?? 0,
      }))
    },

    /** How many checks a caller has under way; locked for this caller until the transaction ends. */
    async lockChecksInFlight(requestedBy: string): Promise<number> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`checks of ${requestedBy}`}, 0))`
      const [row] = await prepared<Pick<Read, 'checksInFlight'>>(
        db,
      )`SELECT ${checksInFlight([requestedBy])} AS "checksInFlight"`
      return row?.checksInFlight[requestedBy] ?? 0
    },

    /** For an audit that was accepted before. */
    async forAudit({
      policyId,
      targetIds,
    }: {
      policyId: number
      targetIds: readonly number[]
    }): Promise<PlanningSnapshot> {
      const found = await read(
        Prisma.sql`policy p, (VALUES (${newest})) AS g(requested_version) WHERE p.id = ${policyId}::int`,
        Prisma.sql`id = ANY(${integers(targetIds)}::int[])`,
        [],
      )
      const [policy] = found.policies
      if (!policy) throw new Error(`there is no policy with the id ${policyId}`)
      return { policy, targets: found.targets, vantages: found.vantages }
    },
  }
}

/** The ledger binds the digest: what is planned must be what was put. */
function checkDigest({ name, version, digest: stored, document }: Read['policies'][number]): void {
  if (digest(document) !== stored)
    throw new Error(
      `policy ${name} version ${version} was changed in the database: its document does not fit its digest`,
    )
}

interface Read {
  policies: (PlanningSnapshot['policy'] & { requestedVersion: number; version: number; digest: string })[]
  targets: (PlannedTarget & Pick<StoredTarget, 'labels' | 'externalId'>)[]
  vantages: KnownVantage[]
  checksInFlight: Record<string, number>
}

/** Versions count from one. */
const newest = 0

/** Checks of the audits of callers that have not ended; before an audit is planned, as many as its policy can have. */
const checksInFlight = (callers: readonly string[]) => Prisma.sql`(
  SELECT coalesce(json_object_agg(requested_by, checks), '{}') FROM (
    SELECT requested_by, sum(CASE WHEN status = 'running' THEN total - done ELSE cardinality(target_ids) * (
      SELECT jsonb_array_length(document -> 'rules') FROM policy WHERE id = policy_id
    ) END)::float8 AS checks FROM audit WHERE finished_at IS NULL AND requested_by = ANY(${[...new Set(callers)]}::text[])
    GROUP BY requested_by
  ) counted
)`
