import type { PolicyDocument } from '../domain/policy.ts'
import { type Database, Prisma } from './database.ts'
import { andHas, type Realm } from './realm.ts'
import type { Selection } from './selection.ts'
import type { StoredTarget } from './targets.ts'
import type { KnownVantage } from './vantages.ts'

/** What an audit is planned from, as all of it is at one moment. */
export interface Basis {
  policy: { id: number; name: string; document: PolicyDocument; isNewest: boolean }
  /** In the order of their ids. */
  targets: PlannedTarget[]
  /** By name; zones in which there is none are not among them. */
  vantages: KnownVantage[]
}
export type PlannedTarget = Pick<StoredTarget, 'id' | 'name' | 'address' | 'params'>

export type BasisStore = ReturnType<typeof createBasisStore>

/** Reads in one statement what accepting and planning an audit need: it is done for each, and each round trip counts. */
export function createBasisStore(db: Database, realm: Realm) {
  const read = async <T extends object>(policy: Prisma.Sql, targets: Prisma.Sql, more = Prisma.empty) => {
    const [row] = await db.$queryRaw<(Omit<Basis, 'policy'> & { policy: Basis['policy'] | null } & T)[]>`
      SELECT (
        SELECT to_jsonb(found) FROM (
          SELECT id, name, document, version = (SELECT max(version) FROM policy n WHERE n.name = p.name) AS "isNewest"
          FROM policy p WHERE ${policy} ORDER BY version DESC LIMIT 1
        ) found
      ) AS policy, (
        SELECT coalesce(json_agg(json_build_object('id', id, 'name', name, 'address', address, 'params', params) ORDER BY id), '[]')
        FROM target WHERE ${targets} ${andHas(realm, 'labels')}
      ) AS targets, (
        SELECT coalesce(json_agg(json_build_object('name', name, 'zones', zones, 'kind', kind, 'version', version) ORDER BY name), '[]')
        FROM vantage WHERE name NOT LIKE 'zone:%'
      ) AS vantages ${more}`
    if (!row) throw new Error('a row of subselects is missing')
    return row
  }

  return {
    /** For a request: of a policy by name, its newest version where none is named; and how many checks its caller has under way. */
    async asked({ policy, targets, requestedBy }: AskedBasis) {
      const version = policy.version === undefined ? Prisma.empty : Prisma.sql`AND version = ${policy.version}::int`
      const selected = Array.isArray(targets)
        ? Prisma.sql`name = ANY(${targets}::text[])`
        : Prisma.sql`labels @> ${JSON.stringify(targets.labels)}::jsonb`
      return read<{ checksInFlight: number }>(
        Prisma.sql`name = ${policy.name} ${version}`,
        Prisma.sql`retired_at IS NULL AND ${selected}`,
        Prisma.sql`, ${checksInFlight(requestedBy)} AS "checksInFlight"`,
      )
    },

    /** How many checks a caller has under way; until the transaction ends, nobody else learns it for this caller. */
    async lockChecksInFlight(requestedBy: string): Promise<number> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`checks of ${requestedBy}`}, 0))`
      const [row] = await db.$queryRaw<{ checks: number }[]>`SELECT ${checksInFlight(requestedBy)} AS checks`
      return row?.checks ?? 0
    },

    /** For an audit that was accepted before. */
    async ordered({ policyId, targetIds }: { policyId: number; targetIds: readonly number[] }): Promise<Basis> {
      const { policy, ...rest } = await read(
        Prisma.sql`id = ${policyId}::int`,
        Prisma.sql`id = ANY(${[...targetIds]}::int[])`,
      )
      if (!policy) throw new Error(`there is no policy with the id ${policyId}`)
      return { policy, ...rest }
    },
  }
}

interface AskedBasis {
  policy: { name: string; version: number | undefined }
  targets: Selection
  requestedBy: string
}

/** Checks of the audits of a caller that have not ended; before an audit is planned, as many as its policy can have. */
const checksInFlight = (requestedBy: string) => Prisma.sql`(
  SELECT coalesce(sum(CASE WHEN status = 'running' THEN total - done ELSE cardinality(target_ids) * (
    SELECT jsonb_array_length(document -> 'rules') FROM policy WHERE id = policy_id
  ) END), 0)::float8 FROM audit WHERE finished_at IS NULL AND requested_by = ${requestedBy}
)`
