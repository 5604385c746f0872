import type { State } from '../../domain/findings/state.ts'
import type { TraceFailure, TraceResult } from '../../domain/traces/trace.ts'
import { batchChannel } from '../audits/batches.ts'
import { auditChannel } from '../audits/finish-audits.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared, sweep } from '../db/statements.ts'
import type { Trace as Row } from '../generated/client.ts'
import { aUuid, cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { madeIn, type TargetScope, withLabels } from '../query/target-scope.ts'

/** What to trace, and for whom. */
export interface NewTrace {
  id: string
  /** Null for a host that is no target. */
  target: string | null
  host: string
  port: number
  /** Ports of the host that may be compared with it. */
  compare: number[]
  vantage: string
  /** The audit whose finding has changed; null on request. */
  auditId: string | null
  requestedBy: string
  deadlineAt: Date
}

export interface StoredTrace extends NewTrace {
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
  failure: TraceFailure | null
  result: TraceResult | null
}

/** What the one who measures has to know. */
export type TakenTrace = Pick<NewTrace, 'id' | 'host' | 'port' | 'compare'>

/** An endpoint of a target that an audit has newly found blocked. */
export type BlockedEndpoint = Pick<NewTrace, 'target' | 'host' | 'port' | 'vantage' | 'requestedBy'> & {
  target: string
  targetScope: TargetScope
}

interface TraceFilter {
  target?: string
  /** Current external id of the target. */
  externalId?: string
  audit?: string
  vantage?: string
  cursor?: string
  limit: number
}

/** Seconds without a result after which another worker may take a trace; none takes that long. */
const takenSeconds = 90

export const traceWaiter = (vantage: string): string => `trace:${vantage}`

/** States that say something of the path; of others nothing can have changed. */
const observed: readonly State[] = ['open', 'closed', 'filtered', 'unreachable']

/** Traces, and the queue of those that wait. */
export function createTraceStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  const made = madeIn(targetScope)
  return {
    /** The commit notifies the vantage. Those that the same finding has are passed over. */
    async create(traces: readonly (NewTrace & { targetScope?: TargetScope })[]): Promise<void> {
      const data = traces.map((trace) => ({ targetScope, ...trace }))
      await db.trace.createMany({ data, skipDuplicates: true })
      const waiters = [...new Set(traces.map(({ vantage }) => traceWaiter(vantage)))]
      await prepared(db)`SELECT pg_notify(${batchChannel}, waiter)::text FROM unnest(${waiters}::text[]) AS waiter`
    },

    async find(id: string): Promise<StoredTrace | undefined> {
      const row = await db.trace.findFirst({ where: { id, ...made } })
      return row ? fromRow(row) : undefined
    },

    /** Newest first. */
    async list({ target, externalId, audit, vantage, cursor, limit }: TraceFilter): Promise<Page<StoredTrace>> {
      const [before] = decodeCursor(cursor, [aUuid]) ?? []
      const named = externalId === undefined ? undefined : await namesWith(db, externalId, targetScope)
      const where: Prisma.TraceWhereInput = {
        AND: [made, ...(named ? [{ target: { in: named.map(({ name }) => name) } }] : [])],
        ...(before !== undefined && { id: { lt: before } }),
        ...(target !== undefined && { target }),
        ...(audit !== undefined && { auditId: audit }),
        ...(vantage !== undefined && { vantage }),
      }
      const rows = await db.trace.findMany({ where, orderBy: { id: 'desc' }, take: limit + 1 })
      return cutPage(rows, limit, { keyOf: (row) => [row.id], toItem: fromRow })
    },

    /** The traces of a requester that have no result yet; other requests of it wait until the transaction ends. */
    async lockInFlight(requestedBy: string): Promise<number> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`traces of ${requestedBy}`}, 0))`
      const [row] = await prepared<{ count: number }>(db)`
        SELECT count(*)::int AS count FROM trace
        WHERE requested_by = ${requestedBy} AND finished_at IS NULL AND deadline_at > now() AND audit_id IS NULL`
      return row?.count ?? 0
    },

    /** Takes waiting traces of a vantage, those on request first; each is taken by one caller. */
    take: (vantage: string, count: number): Promise<TakenTrace[]> =>
      prepared<TakenTrace>(db)`
        UPDATE trace SET started_at = now() WHERE id = ANY (ARRAY(
          SELECT id FROM trace WHERE vantage = ${vantage} AND finished_at IS NULL AND deadline_at > now()
            AND (started_at IS NULL OR started_at < now() - make_interval(secs => ${takenSeconds}::float8))
          ORDER BY audit_id IS NOT NULL, id LIMIT ${count} FOR UPDATE SKIP LOCKED
        )) RETURNING id::text, host, port, compare`,

    /** Returns a taken trace to the queue. */
    async handBack(id: string): Promise<void> {
      await db.trace.updateMany({ where: { id, finishedAt: null }, data: { startedAt: null } })
    },

    /** Stores a result and notifies those who wait for it; false where there is one, or the vantage has no such trace. */
    async finish(
      { id, vantage }: { id: string; vantage: string },
      outcome: TraceResult | { failure: TraceFailure },
    ): Promise<boolean> {
      const [failure, result] = 'failure' in outcome ? [outcome.failure, null] : [null, JSON.stringify(outcome)]
      const rows = await prepared(db)`
        UPDATE trace SET finished_at = now(), started_at = coalesce(started_at, now()), failure = ${failure}, result = ${result}::jsonb
        WHERE id = ${id}::uuid AND vantage = ${vantage} AND finished_at IS NULL AND deadline_at > now()
        RETURNING pg_notify(${auditChannel}, id::text)::text AS notified`
      return rows.length > 0
    },

    /**
     * Endpoints that an audit found filtered, or closed by ICMP, and that were neither when they were last observed. The first
     * ones by target.
     */
    blockedBy: (auditId: string, limit: number): Promise<BlockedEndpoint[]> => {
      const [filtered, closed] = [codes.state.numberOf('filtered'), codes.state.numberOf('closed')]
      // The reason of a span is that of the judgement; the reason of an address is in the evidence.
      const isBlocked = (span: 'x' | 'b', evidence: 'e' | 'f') => Prisma.sql`
        (${Prisma.raw(span)}.state = ${filtered} OR ${Prisma.raw(span)}.state = ${closed}
          AND jsonb_path_exists(${Prisma.raw(evidence)}.content, '$.addresses.*.reason ? (@ == "icmp-port-unreachable")'))`
      return prepared<BlockedEndpoint>(db)`
        SELECT DISTINCT ON (t.name, c.port, v.name) t.name AS target, c.address AS host, c.port, v.name AS vantage,
          a.requested_by AS "requestedBy", a.target_scope AS "targetScope"
        FROM audit a JOIN span x ON x.from_at BETWEEN a.observed_from AND a.observed_until AND x.audit_id = a.id
          JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id
          JOIN target t ON t.id = x.target_id JOIN vantage v ON v.id = s.vantage_id JOIN evidence e ON e.id = x.evidence_id
          CROSS JOIN LATERAL (
            SELECT ${isBlocked('b', 'f')} AS blocked FROM span b LEFT JOIN evidence f ON f.id = b.evidence_id
            WHERE b.target_id = x.target_id AND b.series_id = x.series_id AND b.from_at < x.from_at
              AND b.state = ANY (${observed.map(codes.state.numberOf)}::int[])
            ORDER BY b.from_at DESC LIMIT 1
          ) b
          CROSS JOIN LATERAL (
            SELECT key AS address, (e.content->>'port')::int AS port FROM jsonb_each(e.content->'addresses')
            WHERE key <> '' AND (value->>'state' = 'filtered' OR value->>'reason' = 'icmp-port-unreachable') ORDER BY key LIMIT 1
          ) c
        WHERE a.id = ${auditId}::uuid AND x.to_at IS NULL AND ${isBlocked('x', 'e')} AND NOT b.blocked
        ORDER BY t.name, c.port, v.name, c.address LIMIT ${limit}`
    },

    /** Ports of a host that are open now, as audits of the target have found from the vantage. */
    async openPorts({ target, host, vantage }: { target: string; host: string; vantage: string }): Promise<number[]> {
      const rows = await prepared<{ port: number }>(db)`
        SELECT DISTINCT (e.content->>'port')::int AS port
        FROM target t JOIN span x ON x.target_id = t.id AND x.to_at IS NULL AND x.state = ${codes.state.numberOf('open')}
          JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id
          JOIN vantage v ON v.id = s.vantage_id JOIN evidence e ON e.id = x.evidence_id
        WHERE t.name = ${target} AND v.name = ${vantage} AND (e.content->>'host' = ${host} OR e.content->'addresses' ? ${host})
        ORDER BY 1 LIMIT ${maxOpenPorts}`
      return rows.map(({ port }) => port)
    },

    /** The results of traces that the findings of an audit have caused. */
    async ofAudit(auditId: string): Promise<StoredTrace[]> {
      const rows = await db.trace.findMany({ where: { auditId, finishedAt: { not: null }, failure: null, ...made } })
      return rows.map(fromRow)
    },

    /** The newest results of traces to a port of a target, also to other hosts of its rules, that came within a time. */
    async madeFor(
      about: { target: string; vantage: string; port: number },
      { from, until }: { from: Date; until: Date },
    ): Promise<StoredTrace[]> {
      const where = { ...about, finishedAt: { gte: from, lte: until }, failure: null, ...made }
      const rows = await db.trace.findMany({ where, orderBy: { finishedAt: 'desc' }, take: maxMade })
      return rows.map(fromRow)
    },

    async dropOld(retentionDays: number): Promise<void> {
      await sweep(db)`DELETE FROM trace WHERE created_at < now() - make_interval(days => ${retentionDays}::int)`
    },
  }
}

/** The names of the targets with an external id. */
const namesWith = (db: Database, externalId: string, targetScope: TargetScope) =>
  db.target.findMany({ where: { externalId, ...withLabels(targetScope) }, select: { name: true } })

const maxOpenPorts = 4
const maxMade = 20

const fromRow = ({ targetScope: _, failure, result, ...row }: Row): StoredTrace => ({
  ...row,
  failure: failure as TraceFailure | null,
  result: result as TraceResult | null,
})
