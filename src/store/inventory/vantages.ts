import type { Vantage } from '../../domain/findings/plan.ts'
import { absentAfterMs, type CanaryState, type VantageKind } from '../../domain/vantages/presence.ts'
import { type Database, Prisma } from '../db/database.ts'
import { quoteIdentifier } from '../db/schemas.ts'
import { prepared, sweep } from '../db/statements.ts'
import { andAll } from '../query/conditions.ts'
import { aTime, cutPage, decodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'
import { overlaps, type Period } from '../query/period.ts'

/** A vantage as it stands now. */
export interface VantageState {
  name: string
  zones: string[]
  kind: VantageKind
  canary: CanaryState
  /** Of the process that was seen last. */
  version: string | null
  lastSeenAt: Date | null
  queueDepth: { waiting: number; running: number }
  /** Age of its oldest waiting batch; 0 without one. */
  lagSeconds: number
}

/** A vantage, its kind, and its last version. */
export type KnownVantage = Vantage & Pick<VantageState, 'version'> & { kind: string }

/** What a process says of itself when it is seen. */
export type Sign = Partial<Pick<VantageState, 'canary' | 'version'>>

export type VantageStore = ReturnType<typeof createVantageStore>

/** The vantages from which probes are made. */
export function createVantageStore(db: Database, queueSchema: string) {
  const jobTable = Prisma.raw(`${quoteIdentifier(queueSchema)}.job`)
  const selectState = selectStateWith(jobTable)
  return {
    /** Stores the zones from the worker's configuration; returns whether an agent served the vantage before. */
    async announce({ name, zones }: Vantage, sign: Sign = {}): Promise<boolean> {
      const { canary = null, version = null } = sign
      const [before] = await prepared<{ wasAgent: boolean }>(db)`
        WITH before AS (SELECT id, kind, last_seen_at, removed_at FROM vantage WHERE name = ${name} FOR UPDATE), away AS (${noteAbsence})
        INSERT INTO vantage AS v (name, zones, kind, canary, version, last_seen_at)
        SELECT ${name}, ${[...zones]}::text[], 'worker', coalesce(${canary}, 'unknown'), ${version}, now()
        FROM (VALUES (1)) AS one LEFT JOIN before ON true -- reads it before it changes
        ON CONFLICT (name) DO UPDATE SET zones = excluded.zones, kind = excluded.kind, last_seen_at = excluded.last_seen_at, removed_at = NULL,
          canary = coalesce(${canary}, v.canary), version = coalesce(excluded.version, v.version)
        RETURNING coalesce((SELECT kind = 'agent' FROM before), false) AS "wasAgent"`
      return before?.wasAgent === true
    },

    /** Makes or changes a vantage that an agent serves. Undefined while a worker serves it: its configuration decides. */
    async register({ name, zones }: Vantage): Promise<'created' | 'changed' | undefined> {
      const made = await db.vantage.createMany({
        data: { name, zones: [...zones], kind: 'agent', canary: 'unknown' },
        skipDuplicates: true,
      })
      if (made.count > 0) return 'created'
      const [changed] = await prepared<{ wasRemoved: boolean }>(db)`
        WITH before AS (
          SELECT id, removed_at FROM vantage WHERE name = ${name} AND (kind = 'agent' OR removed_at IS NOT NULL
            OR last_seen_at IS NULL OR last_seen_at < now() - make_interval(secs => ${absentAfterMs.worker / 1000}::float8)) FOR UPDATE
        )
        UPDATE vantage v SET zones = ${[...zones]}::text[], kind = 'agent', removed_at = NULL,
          last_seen_at = CASE WHEN before.removed_at IS NULL THEN v.last_seen_at END
        FROM before WHERE v.id = before.id RETURNING before.removed_at IS NOT NULL AS "wasRemoved"`
      return changed && (changed.wasRemoved ? 'created' : 'changed')
    },

    /** Removes a vantage; its row stays for its history. `served`: a worker serves it now. Undefined where there is none. */
    async remove(name: string): Promise<Removal | 'served' | undefined> {
      const [found] = await prepared<Presence & { isServed: boolean; isNotified: boolean }>(db)`
        SELECT ${presence}, kind = 'worker' AND last_seen_at >= ${absentSince} IS TRUE AS "isServed",
          absent_notified_at IS NOT NULL AS "isNotified"
        FROM vantage WHERE name = ${name} AND ${inUse} FOR UPDATE`
      if (!found) return undefined
      const { isServed, isNotified, ...vantage } = found
      if (isServed) return 'served'
      await db.$executeRaw`UPDATE vantage SET removed_at = now(), absent_notified_at = NULL WHERE name = ${name}`
      return { vantage, isNotified }
    },

    /** Records that a vantage was seen; returns its id, or undefined if it does not exist. */
    async touch(name: string, sign: Sign = {}): Promise<number | undefined> {
      const rows = await prepared<{ id: number }>(db)`
        WITH before AS (
          SELECT id, kind, last_seen_at, removed_at FROM vantage WHERE name = ${name} AND ${inUse} FOR UPDATE
        ), away AS (${noteAbsence})
        UPDATE vantage v SET last_seen_at = now(), version = coalesce(${sign.version ?? null}, version),
          canary = coalesce(${sign.canary ?? null}, canary)
        FROM before WHERE v.id = before.id RETURNING v.id`
      return rows[0]?.id
    },

    /** Marks vantages that have become absent, and returns them. */
    markAbsent: () =>
      prepared<Presence>(db)`
        UPDATE vantage SET absent_notified_at = now()
        WHERE absent_notified_at IS NULL AND removed_at IS NULL AND last_seen_at < ${absentSince}
        RETURNING ${presence}`,

    /** Unmarks and returns vantages that were seen again. */
    markReturned: () =>
      prepared<Presence>(db)`
        UPDATE vantage SET absent_notified_at = NULL WHERE absent_notified_at IS NOT NULL AND last_seen_at >= ${absentSince}
        RETURNING ${presence}`,

    /**
     * When vantages were absent within a period, by the last heartbeat before it, newest first; also those that are absent now. One
     * that was never seen is not among them.
     */
    async absences({ vantage, cursor, limit, ...period }: AbsenceQuery): Promise<Page<Absence>> {
      const [before, last] = decodeCursor(cursor, [aTime, '']) ?? ['infinity', '']
      const rows = await prepared<Absence>(db)`
        SELECT * FROM (
          SELECT v.name AS vantage, a.from_at AS "from", a.to_at AS "to" FROM vantage_absence a JOIN vantage v ON v.id = a.vantage_id
          UNION ALL
          SELECT name, last_seen_at, NULL FROM vantage WHERE last_seen_at < ${absentSince} AND ${inUse}
        ) x WHERE ("from", vantage) < (${before}::timestamptz, ${last}) 
          ${andAll([vantage !== undefined && Prisma.sql`vantage = ${vantage}`, ...overlaps(period, Prisma.sql`"from"`, Prisma.sql`"to"`)])}
        ORDER BY "from" DESC, vantage DESC LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.from.toISOString(), row.vantage], toItem: (row) => row })
    },

    /** Removes absences that ended before the retention. */
    dropAbsences: (retentionDays: number) =>
      sweep(db)`DELETE FROM vantage_absence WHERE to_at < now() - make_interval(days => ${retentionDays}::int)`,

    /** All vantages by name, without entries of empty zones. */
    async list(): Promise<KnownVantage[]> {
      const rows = await db.vantage.findMany({
        where: { name: { not: { startsWith: 'zone:' } }, removedAt: null },
        orderBy: { name: 'asc' },
      })
      return rows.map(({ name, zones, kind, version }) => ({ name, zones, kind, version }))
    },

    /** The batches that are being probed or wait for their next try, in the order in which that ends. */
    runningBatches: (name: string) =>
      prepared<RunningBatch>(db)`
        SELECT id::text AS "jobId", state = 'active' AS "isLeased", (extract(epoch FROM CASE state
          WHEN 'active' THEN heartbeat_on + make_interval(secs => heartbeat_seconds) ELSE start_after END - now()) * 1000)::float8 AS "endsInMs"
        FROM ${jobTable} WHERE name = ANY(${[`batch/${name}`, `batch-again/${name}`]}::text[]) AND state IN ('active', 'retry')
        ORDER BY "endsInMs" LIMIT 1000`,

    /** The ids of these vantages by name. */
    async ids(names: readonly string[]): Promise<Map<string, number>> {
      const rows = await db.vantage.findMany({ where: { name: { in: [...names] } }, select: { id: true, name: true } })
      return new Map(rows.map(({ id, name }) => [name, id]))
    },

    /** Every vantage as it stands now. */
    async states(): Promise<VantageState[]> {
      return (await prepared<Row>(db)`${selectState} GROUP BY v.id ORDER BY v.name`).map(fromRow)
    },

    /** A page of vantages by name. */
    async page({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<VantageState>> {
      const [after = ''] = decodeCursor(cursor, ['']) ?? []
      const rows = await prepared<Row>(db)`
        ${selectState} AND v.name > ${after} GROUP BY v.id ORDER BY v.name LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.name], toItem: fromRow })
    },

    /** One vantage as it stands now. */
    async find(name: string): Promise<VantageState | undefined> {
      const rows = await prepared<Row>(db)`${selectState} AND v.name = ${name} GROUP BY v.id`
      return rows[0] && fromRow(rows[0])
    },
  }
}

/** A time in which a vantage sent no heartbeat. */
export interface Absence {
  vantage: string
  /** Its last heartbeat before. */
  from: Date
  /** Its first one after; null: it is absent now. */
  to: Date | null
}

interface AbsenceQuery extends PageRequest, Period {
  vantage?: string
}

/** A batch in the queue of a vantage. */
interface RunningBatch {
  jobId: string
  /** Otherwise it waits. */
  isLeased: boolean
  /** Until its last heartbeat counts no more, or until its next try; negative when that is over. */
  endsInMs: number
}

/** A vantage that was removed, and whether the event of its absence was published. */
interface Removal {
  vantage: Omit<Presence, 'lastSeenAt'> & Pick<VantageState, 'lastSeenAt'>
  isNotified: boolean
}

/** Which vantage was seen when last. */
export type Presence = Pick<VantageState, 'name' | 'zones' | 'kind'> & { lastSeenAt: Date }

const presence = Prisma.sql`name, zones, kind, last_seen_at AS "lastSeenAt"`
/** Neither removed, nor the entry of an empty zone. */
const inUse = Prisma.sql`name NOT LIKE 'zone:%' AND removed_at IS NULL`
/** Before it, the last heartbeat of a vantage is too old; reads the column `kind`. */
export const absentSince = Prisma.sql`now() - make_interval(secs => CASE kind
  WHEN 'agent' THEN ${absentAfterMs.agent / 1000}::float8 ELSE ${absentAfterMs.worker / 1000}::float8 END)`
/** Writes down that the vantage in `before` was absent until now. */
const noteAbsence = Prisma.sql`
  INSERT INTO vantage_absence (vantage_id, from_at, to_at) SELECT id, last_seen_at, now() FROM before
  WHERE last_seen_at < ${absentSince} AND removed_at IS NULL
  ON CONFLICT DO NOTHING`
type Row = Omit<VantageState, 'queueDepth'> & { waiting: number; running: number }

// From the table of the queue, because its own counts are a few seconds old.
const selectStateWith = (jobTable: Prisma.Sql) => Prisma.sql`
  SELECT v.name, v.zones, v.kind, v.canary, v.version, v.last_seen_at AS "lastSeenAt",
    count(j.id) FILTER (WHERE j.state < 'active')::int AS waiting, count(j.id) FILTER (WHERE j.state = 'active')::int AS running,
    coalesce(extract(epoch FROM now() - min(j.created_on) FILTER (WHERE j.state < 'active')), 0)::float8 AS "lagSeconds"
  FROM vantage v CROSS JOIN (VALUES ('batch/'), ('batch-again/')) AS q(kind)
    LEFT JOIN ${jobTable} j ON j.name = q.kind || v.name AND j.state < 'completed'
  WHERE v.name NOT LIKE 'zone:%' AND v.removed_at IS NULL`

const fromRow = ({ waiting, running, lagSeconds, ...row }: Row): VantageState => ({
  ...row,
  queueDepth: { waiting, running },
  lagSeconds: Math.max(0, Math.round(lagSeconds * 10) / 10),
})
