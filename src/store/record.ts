import { digest } from '../domain/canonical.ts'
import type { Evidence } from '../domain/evidence.ts'
import type { Judgement } from '../domain/judge.ts'
import type { Codes } from './codes.ts'
import { type Database, Prisma, transact } from './database.ts'
import type { KeptLook } from './pairs.ts'

/** A finding on its way into the database. */
export interface NewFinding extends Judgement {
  targetId: number
  seriesId: number
  observedAt: Date
  latencyMs: number | null
  attempts: number
  indirect: boolean
  evidence: Evidence | null
  /** The window that was open for it, and the waiver that accepts its failure. */
  windowId?: string | null
  waiverId?: string | null
}

/** How the audit stands after a recording. */
export interface AuditProgress {
  status: string
  done: number
  total: number
  batchesLeft: number
}

export const findingFlags = { indirect: 1, late: 2 } as const
const maxSmallInt = 32_767

/**
 * Records a batch in one transaction: evidence by digest, findings, spans where something changed, and the audit's
 * progress. What is recorded already stays as it is, so a batch that is delivered twice changes nothing.
 * A finding that is not newer than every other audit's finding of its series, or than the end of its spans, is late: it is
 * kept and changes no span.
 */
export async function recordBatch(
  db: Database,
  codes: Codes,
  batch: { auditId: string; batchId: number | null; findings: readonly NewFinding[]; kept?: readonly KeptLook[] },
): Promise<AuditProgress> {
  return transact(db, async (tx) => {
    const evidence = await prepare(tx, batch.findings)
    const [progress] = await tx.$queryRaw<AuditProgress[]>(recordStatement(codes, batch, evidence))
    if (!progress) throw new Error(`audit ${batch.auditId} does not exist`)
    return progress
  })
}

/** Evidence of a batch by digest: its id where it is stored already. */
interface Evidences {
  digests: (string | null)[]
  contents: Map<string, Evidence>
  ids: Map<string, number>
}

/**
 * Keeps other audits from recording these series meanwhile, and looks up which evidence is stored. It must be a statement of
 * its own: what the recording sees of the series is decided when its statement begins, so whoever waits inside it goes on with
 * what was true before it waited. The lateral joins keep the planner from reading whole tables for a few hundred rows.
 */
async function prepare(tx: Database, findings: readonly NewFinding[]): Promise<Evidences> {
  const contents = new Map<string, Evidence>()
  const digests = findings.map(({ evidence }) => {
    if (!evidence) return null
    const hex = digest(evidence)
    contents.set(hex, evidence)
    return hex
  })
  const known = await tx.$queryRaw<{ id: number; digest: string }[]>`
    WITH locked AS MATERIALIZED (
      SELECT FROM (
        SELECT * FROM unnest(${findings.map((f) => f.targetId)}::int[], ${findings.map((f) => f.seriesId)}::int[])
          AS i(target_id, id) ORDER BY target_id, id
      ) i CROSS JOIN LATERAL (SELECT FROM series s WHERE s.target_id = i.target_id AND s.id = i.id FOR NO KEY UPDATE) s
    )
    SELECT e.id, g.digest FROM unnest(${[...contents.keys()]}::text[]) AS g(digest) CROSS JOIN LATERAL (
      SELECT id FROM evidence WHERE digest = decode(g.digest, 'hex') AND unused_since IS NULL OFFSET 0
    ) e WHERE (SELECT count(*) FROM locked) >= 0`
  return { digests, contents, ids: new Map(known.map(({ id, digest: hex }) => [hex, id])) }
}

function recordStatement(
  codes: Codes,
  { auditId, batchId, findings, kept }: Parameters<typeof recordBatch>[2],
  { digests, contents, ids }: Evidences,
): Prisma.Sql {
  const added = [...contents].filter(([hex]) => !ids.has(hex))
  const column = <T>(pick: (finding: NewFinding) => T) => findings.map(pick)
  return Prisma.sql`
    WITH input AS (
      SELECT * FROM unnest(
        ${column((f) => f.targetId)}::int[], ${column((f) => f.seriesId)}::int[],
        ${column((f) => f.observedAt.toISOString())}::timestamptz[],
        ${column((f) => (f.latencyMs === null ? -1 : Math.min(Math.round(f.latencyMs), maxSmallInt)))}::smallint[],
        ${column((f) => Math.min(f.attempts, maxSmallInt))}::smallint[],
        ${column((f) => codes.result.numberOf(f.result))}::smallint[], ${column((f) => codes.state.numberOf(f.state))}::smallint[],
        ${column((f) => codes.reason.numberOf(f.reason))}::smallint[],
        ${column((f) => (f.indirect ? findingFlags.indirect : 0))}::smallint[],
        ${digests.map((hex) => (hex === null ? 0 : (ids.get(hex) ?? null)))}::int[], ${digests}::text[]
      ) AS i(target_id, series_id, observed_at, latency_ms, attempts, result, state, reason_id, flags, evidence_id, digest)
    ), added AS (
      -- DO UPDATE, because DO NOTHING would hide the row that another transaction has just added; it also takes back a row
      -- that maintenance was about to remove.
      INSERT INTO evidence (digest, content)
      SELECT decode(digest, 'hex'), content::jsonb
      FROM unnest(${added.map(([hex]) => hex)}::text[], ${added.map(([, content]) => JSON.stringify(content))}::text[])
        AS g(digest, content) ORDER BY 1
      ON CONFLICT (digest) DO UPDATE SET unused_since = NULL RETURNING id, digest
    ), rivals AS MATERIALIZED (
      -- Audits that may have seen the same later, older ones too. The queue gives up what it could not deliver in 14 days.
      SELECT a.id FROM audit a, (SELECT min(observed_at) AS observed_at FROM input) first
      WHERE a.id > uuid_v7_floor(first.observed_at - interval '15 days') AND a.id <> ${auditId}::uuid
        AND a.observed_until >= first.observed_at
    ), judged AS (
      SELECT i.target_id, i.series_id, i.observed_at, i.latency_ms, i.attempts, i.result, i.state, i.reason_id, i.flags,
        coalesce(i.evidence_id, e.id) AS evidence_id, EXISTS (
        SELECT FROM rivals CROSS JOIN LATERAL (
          SELECT FROM finding f
          WHERE f.audit_id = rivals.id AND f.target_id = i.target_id AND f.series_id = i.series_id AND f.observed_at >= i.observed_at
        ) newer
      ) OR EXISTS (
        -- It ended because the series had left the scope by then.
        SELECT FROM span s WHERE s.target_id = i.target_id AND s.series_id = i.series_id AND s.to_at >= i.observed_at
      ) AS late
      FROM input i LEFT JOIN added e ON i.evidence_id IS NULL AND e.digest = decode(i.digest, 'hex')
    ), fresh AS (
      INSERT INTO finding (audit_id, observed_at, target_id, series_id, evidence_id, latency_ms, attempts, result, state, reason_id, flags)
      SELECT ${auditId}::uuid, observed_at, target_id, series_id, evidence_id, latency_ms, attempts, result, state, reason_id,
        flags | CASE WHEN late THEN ${findingFlags.late}::smallint ELSE 0::smallint END
      FROM judged ORDER BY target_id, series_id -- in the order of the index, whose pages are then filled
      ON CONFLICT DO NOTHING RETURNING *
    ), ${permittedPart(auditId, findings)} changed AS (
      SELECT f.* FROM fresh f LEFT JOIN LATERAL (
        SELECT * FROM span s WHERE s.target_id = f.target_id AND s.series_id = f.series_id AND s.to_at IS NULL OFFSET 0
      ) o ON true
      WHERE f.flags & ${findingFlags.late}::smallint = 0
        AND NOT EXISTS (SELECT FROM target t WHERE t.id = f.target_id AND t.retired_at IS NOT NULL) AND (o.from_at IS NULL OR f.observed_at > o.from_at
        AND (f.result, f.state, f.reason_id, f.evidence_id) IS DISTINCT FROM (o.result, o.state, o.reason_id, o.evidence_id))
    ), closed AS (
      UPDATE span s SET to_at = c.observed_at, changed_at = clock_timestamp() FROM changed c
      WHERE s.target_id = c.target_id AND s.series_id = c.series_id AND s.to_at IS NULL RETURNING 1
    ), opened AS (
      -- Counting what was closed makes this wait for it: the unique index allows one open span for a series.
      INSERT INTO span (target_id, series_id, from_at, evidence_id, result, state, reason_id, audit_id)
      SELECT target_id, series_id, observed_at, evidence_id, result, state, reason_id, audit_id
      FROM changed WHERE (SELECT count(*) FROM closed) >= 0
    ), delivered AS (
      UPDATE batch SET done_at = now(), checks = '[]', kept = ${kept ? JSON.stringify(kept) : null}::jsonb WHERE id = ${batchId}::int AND done_at IS NULL RETURNING 1
    )
    UPDATE audit SET
      done = done + (SELECT count(*) FROM fresh),
      batches_left = batches_left - (SELECT count(*) FROM delivered),
      observed_from = least(observed_from, (SELECT min(observed_at) FROM fresh)),
      observed_until = greatest(observed_until, (SELECT max(observed_at) FROM fresh))
    WHERE id = ${auditId}::uuid
    RETURNING status, done, total, batches_left AS "batchesLeft"`
}

/** Notes windows and waivers beside the few findings that have one. */
function permittedPart(auditId: string, findings: readonly NewFinding[]): Prisma.Sql {
  const permitted = findings.filter(({ windowId, waiverId }) => windowId || waiverId)
  if (permitted.length === 0) return Prisma.empty
  return Prisma.sql`permitted AS (
      INSERT INTO finding_permission (audit_id, target_id, series_id, window_id, waiver_id)
      SELECT ${auditId}::uuid, g.* FROM unnest(
        ${permitted.map((f) => f.targetId)}::int[], ${permitted.map((f) => f.seriesId)}::int[],
        ${permitted.map((f) => f.windowId ?? null)}::uuid[], ${permitted.map((f) => f.waiverId ?? null)}::uuid[]
      ) AS g(target_id, series_id, window_id, waiver_id) JOIN fresh USING (target_id, series_id)
    ),`
}
