import type { Discovery, DiscoveryFailure } from '../../domain/learning/discovery.ts'
import { batchChannel } from '../audits/batches.ts'
import { auditChannel } from '../audits/finish-audits.ts'
import type { Database, Prisma } from '../db/database.ts'
import { prepared, sweep } from '../db/statements.ts'
import type { Discovery as Row } from '../generated/client.ts'
import { aUuid, cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { madeIn, type TargetScope } from '../query/target-scope.ts'

/** What one vantage is to find open, for a proposal. */
export interface NewDiscovery {
  /** Of the proposal. */
  id: string
  vantage: string
  zones: string[]
  targets: { name: string; address: string }[]
  /** Ports and ranges. */
  ports: string[]
  requestedBy: string
  deadlineAt: Date
}

export interface StoredDiscovery extends NewDiscovery {
  createdAt: Date
  takenAt: Date | null
  finishedAt: Date | null
  failure: DiscoveryFailure | null
  result: Discovery | null
}

/** What the one who probes has to know. */
export type TakenDiscovery = Pick<NewDiscovery, 'id' | 'targets' | 'ports'>

/** Seconds without a heartbeat after which another worker may take a discovery. */
const takenSeconds = 90

export const discoveryWaiter = (vantage: string): string => `discovery:${vantage}`

/** What vantages find open, and the queue of those that wait. */
export function createDiscoveryStore(db: Database, targetScope: TargetScope) {
  const made = madeIn(targetScope)
  return {
    /** The commit notifies the vantages. */
    async create(discoveries: readonly NewDiscovery[]): Promise<void> {
      await db.discovery.createMany({ data: discoveries.map((one) => ({ targetScope, ...one })) })
      const waiters = discoveries.map(({ vantage }) => discoveryWaiter(vantage))
      await prepared(db)`SELECT pg_notify(${batchChannel}, waiter)::text FROM unnest(${waiters}::text[]) AS waiter`
    },

    /** The parts of a proposal, by vantage; none where there is no such proposal. */
    async find(id: string): Promise<StoredDiscovery[]> {
      return (await db.discovery.findMany({ where: { id, ...made }, orderBy: { vantage: 'asc' } })).map(fromRow)
    },

    /** The parts of proposals, newest first. */
    async list({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<StoredDiscovery[]>> {
      const [before] = decodeCursor(cursor, [aUuid]) ?? []
      const where = { ...made, ...(before !== undefined && { id: { lt: before } }) }
      const ids = await db.discovery.findMany({
        ...{ where, distinct: ['id'], select: { id: true }, orderBy: { id: 'desc' }, take: limit + 1 },
      } satisfies Prisma.DiscoveryFindManyArgs)
      const rows = await db.discovery.findMany({ where: { id: { in: ids.map(({ id }) => id) }, ...made } })
      const parts = Map.groupBy(rows.map(fromRow), ({ id }) => id)
      return cutPage(ids, limit, { keyOf: ({ id }) => [id], toItem: ({ id }) => parts.get(id) ?? [] })
    },

    /** The proposals of a requester that have no result yet; other requests of it wait until the transaction ends. */
    async lockInFlight(requestedBy: string): Promise<number> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`proposals of ${requestedBy}`}, 0))`
      const [row] = await prepared<{ count: number }>(db)`
        SELECT count(DISTINCT id)::int AS count FROM discovery
        WHERE requested_by = ${requestedBy} AND finished_at IS NULL AND deadline_at > now()`
      return row?.count ?? 0
    },

    /** Takes waiting discoveries of a vantage; each is taken by one caller. */
    take: (vantage: string, count: number): Promise<TakenDiscovery[]> =>
      prepared<TakenDiscovery>(db)`
        UPDATE discovery SET taken_at = now() WHERE vantage = ${vantage} AND id = ANY (ARRAY(
          SELECT id FROM discovery WHERE vantage = ${vantage} AND finished_at IS NULL AND deadline_at > now()
            AND (taken_at IS NULL OR taken_at < now() - make_interval(secs => ${takenSeconds}::float8))
          ORDER BY id LIMIT ${count} FOR UPDATE SKIP LOCKED
        )) RETURNING id::text, targets, ports`,

    /** Says that discoveries are being worked on. */
    async keep(vantage: string, ids: readonly string[]): Promise<void> {
      await prepared(db)`
        UPDATE discovery SET taken_at = now() WHERE vantage = ${vantage} AND id = ANY(${[...ids]}::uuid[]) AND finished_at IS NULL`
    },

    /** Returns a taken discovery to the queue. */
    async handBack(vantage: string, id: string): Promise<void> {
      await db.discovery.updateMany({ where: { vantage, id, finishedAt: null }, data: { takenAt: null } })
    },

    /** Stores a result and notifies those who wait for it; false where there is one, or the vantage has no such discovery. */
    async finish(
      { id, vantage }: { id: string; vantage: string },
      outcome: Discovery | { failure: DiscoveryFailure },
    ): Promise<boolean> {
      const [failure, result] = 'failure' in outcome ? [outcome.failure, null] : [null, JSON.stringify(outcome)]
      const rows = await prepared(db)`
        UPDATE discovery SET finished_at = now(), taken_at = coalesce(taken_at, now()), failure = ${failure}, result = ${result}::jsonb
        WHERE id = ${id}::uuid AND vantage = ${vantage} AND finished_at IS NULL AND deadline_at > now()
        RETURNING pg_notify(${auditChannel}, id::text)::text AS notified`
      return rows.length > 0
    },

    async dropOld(retentionDays: number): Promise<void> {
      await sweep(db)`DELETE FROM discovery WHERE created_at < now() - make_interval(days => ${retentionDays}::int)`
    },
  }
}

const fromRow = ({ targetScope: _, targets, failure, result, ...row }: Row): StoredDiscovery => ({
  ...row,
  targets: targets as unknown as NewDiscovery['targets'],
  failure: failure as DiscoveryFailure | null,
  result: result as Discovery | null,
})
