import type { Evidence } from '../../domain/findings/evidence.ts'
import { findingFlags } from '../../domain/findings/finding.ts'
import type { Judgement } from '../../domain/findings/judge.ts'
import type { Sealer } from '../../domain/seals.ts'
import { digest } from '../../encoding/canonical-json.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma, transact } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { integers, plainTexts } from '../query/array-texts.ts'
import { type PairedObservation, pairedContent } from './paired-observations.ts'
import { recordingContent, recordingsPart, type StoredFinding } from './recordings.ts'

/** The most findings that callers put into one recording, and that a group of recordings holds. */
export const findingsPerRecording = 1_000

/** A finding on its way into the database. */
export interface NewFinding extends Judgement {
  targetId: number
  seriesId: number
  observedAt: Date
  latencyMs: number | null
  attempts: number
  indirect: boolean
  evidence: Evidence | null
  /** The open window, and the waiver that accepts the failure. */
  windowId?: string | null
  waiverId?: string | null
}

/** How the audit stands after a recording. */
interface AuditProgress {
  status: string
  done: number
  total: number
  batchesLeft: number
}

/** What a recording led to. */
export interface Recorded extends AuditProgress {
  /** False if the batch had been recorded before. */
  isFirst: boolean
}

const maxSmallInt = 32_767

/** What was found of a batch; of what needed no batch, or makes pairs, the batch is null. */
export interface Recording {
  auditId: string
  batchId: number | null
  findings: readonly NewFinding[]
  pairedObservations?: readonly PairedObservation[] | undefined
  /** Made from a plan or observations that this service did not seal, so the end of the audit must say so. */
  isUnproven?: boolean
}

/**
 * Records batches in one transaction: evidence by digest, findings, spans where something changed, and the progress of their
 * audits, which it returns in their order. What is recorded already stays as it is, so a batch that is delivered twice changes
 * nothing. A finding that is not newer than every other audit's finding of its series, or than the end of its spans, is late:
 * it is kept and changes no span.
 */
export async function recordBatches(
  db: Database,
  { codes, sealer }: { codes: Codes; sealer: Sealer },
  recordings: readonly Recording[],
): Promise<Recorded[]> {
  const batches = recordings.map((recording) => digested({ codes, sealer }, recording))
  return transact(db, async (tx) => {
    const known = await prepare(
      tx,
      batches.flatMap(({ findings }) => findings),
    )
    const progress = new Map<string, AuditProgress>()
    const first = new Set<Batch>()
    for (const round of roundsOf(batches)) {
      const rows = await prepared<AuditProgress & { id: string; recorded: number[] }>(
        tx,
      )`${recordStatement(round, known)}`
      for (const { id, recorded, ...row } of rows) {
        progress.set(id, row)
        for (const batchId of recorded) {
          const batch = round.find((one) => one.batchId === batchId)
          if (batch) first.add(batch)
        }
      }
    }
    return batches.map((batch) => {
      const row = progress.get(batch.auditId)
      if (!row) throw new Error(`audit ${batch.auditId} does not exist`)
      return { ...row, isFirst: first.has(batch) }
    })
  })
}

type DigestedFinding = NewFinding & StoredFinding & { auditId: string }
type Batch = Omit<Recording, 'findings'> & {
  findings: readonly DigestedFinding[]
  /** Of the findings. */
  seal: string | null
  pairedSeal: string | null
}

function digested({ codes, sealer }: { codes: Codes; sealer: Sealer }, batch: Recording): Batch {
  const { auditId, batchId, pairedObservations, isUnproven = false } = batch
  const findings = batch.findings.map((finding): DigestedFinding => {
    const evidence = finding.evidence && codes.evidence.toStored(finding.evidence)
    const latency = finding.latencyMs === null ? -1 : Math.min(Math.round(finding.latencyMs), maxSmallInt)
    const numbers = {
      result: codes.result.numberOf(finding.result),
      state: codes.state.numberOf(finding.state),
      reason: codes.reason.numberOf(finding.reason),
    }
    const attempts = Math.min(finding.attempts, maxSmallInt)
    return { ...finding, auditId, attempts, latency, numbers, evidence, digest: evidence && digest(evidence) }
  })
  const seal =
    isUnproven || findings.length === 0 ? null : sealer.seal('recording', recordingContent(auditId, findings))
  const pairedSeal =
    isUnproven || !pairedObservations || batchId === null
      ? null
      : sealer.seal('paired', pairedContent({ id: batchId, auditId, pairedObservations }))
  return { ...batch, findings, seal, pairedSeal }
}

/** A statement does not see what it writes itself: two findings of one series need one each. */
function roundsOf(batches: readonly Batch[]): Batch[][] {
  const rounds: { series: Set<number>; batches: Batch[] }[] = []
  for (const batch of batches) {
    const series = batch.findings.map(({ seriesId }) => seriesId)
    const after = rounds.findLastIndex((round) => series.some((id) => round.series.has(id)))
    const round = rounds[after + 1] ?? { series: new Set(), batches: [] }
    if (round.batches.length === 0) rounds.push(round)
    round.batches.push(batch)
    for (const id of series) round.series.add(id)
  }
  return rounds.map((round) => round.batches)
}

/** Evidence that is stored already: its id by its digest. */
type KnownEvidence = Map<string, number>

/**
 * Keeps other audits from recording these series meanwhile, and finds which evidence is stored. It must be a statement of
 * its own: what the recording sees of the series is decided when its statement begins, so a statement that waits goes on with
 * what was true before it waited. The lateral joins keep the planner from reading whole tables for a few hundred rows.
 */
async function prepare(tx: Database, findings: readonly DigestedFinding[]): Promise<KnownEvidence> {
  const digests = new Set(findings.flatMap(({ digest: hex }) => hex ?? []))
  const known = await prepared<{ id: number; digest: string }>(tx)`
    WITH locked AS MATERIALIZED (
      SELECT FROM (
        SELECT DISTINCT * FROM unnest(
          ${integers(findings.map((f) => f.targetId))}::int[], ${integers(findings.map((f) => f.seriesId))}::int[]
        )
          AS i(target_id, id) ORDER BY target_id, id
      ) i CROSS JOIN LATERAL (SELECT FROM series s WHERE s.target_id = i.target_id AND s.id = i.id FOR NO KEY UPDATE) s
    )
    SELECT e.id, g.digest FROM unnest(${plainTexts([...digests])}::text[]) AS g(digest) CROSS JOIN LATERAL (
      SELECT id FROM evidence WHERE digest = decode(g.digest, 'hex') AND unused_since IS NULL OFFSET 0
    ) e WHERE (SELECT count(*) FROM locked) >= 0`
  return new Map(known.map(({ id, digest: hex }) => [hex, id]))
}

function recordStatement(batches: readonly Batch[], known: KnownEvidence): Prisma.Sql {
  const findings = batches.flatMap((batch) => batch.findings)
  const added = new Map<string, string>()
  for (const { digest: hex, evidence } of findings)
    if (hex !== null && !known.has(hex)) added.set(hex, JSON.stringify(evidence))
  const numbers = (pick: (finding: DigestedFinding) => number | null) => integers(findings.map(pick))
  const texts = (pick: (finding: DigestedFinding) => string | null) => plainTexts(findings.map(pick))
  const given = batches.filter(({ batchId }) => batchId !== null)
  return Prisma.sql`
    WITH input AS (
      SELECT * FROM unnest(
        ${texts((f) => f.auditId)}::uuid[], ${numbers((f) => f.targetId)}::int[], ${numbers((f) => f.seriesId)}::int[],
        ${texts((f) => f.observedAt.toISOString())}::timestamptz[],
        ${numbers((f) => f.latency)}::smallint[], ${numbers((f) => f.attempts)}::smallint[],
        ${numbers((f) => f.numbers.result)}::smallint[], ${numbers((f) => f.numbers.state)}::smallint[],
        ${numbers((f) => f.numbers.reason)}::smallint[],
        ${numbers((f) => (f.indirect ? findingFlags.indirect : 0))}::smallint[],
        ${numbers((f) => (f.digest === null ? 0 : (known.get(f.digest) ?? null)))}::int[], ${texts((f) => f.digest)}::text[]
      ) AS i(audit_id, target_id, series_id, observed_at, latency_ms, attempts, result, state, reason_id, flags, evidence_id, digest)
      -- An audit that has failed gets no findings after its end.
      WHERE i.audit_id <> ALL (ARRAY(
        SELECT id FROM audit WHERE id = ANY(${[...new Set(batches.map(({ auditId }) => auditId))]}::uuid[]) AND status = 'failed'
      ))
    ), added AS (
      -- DO UPDATE, because DO NOTHING would hide the row that another transaction has just added; it also takes back a row
      -- that maintenance was about to remove.
      INSERT INTO evidence (digest, content)
      SELECT decode(key, 'hex'), value FROM jsonb_each(${jsonOf(added)}::jsonb) ORDER BY 1
      ON CONFLICT (digest) DO UPDATE SET unused_since = NULL RETURNING id, digest
    ), rivals AS MATERIALIZED (
      -- Audits that may have seen the same later, older ones too.
      SELECT a.id FROM audit a, (SELECT min(observed_at) AS observed_at FROM input) first
      WHERE a.observed_bound >= first.observed_at AND a.observed_until >= first.observed_at
    ), judged AS (
      SELECT i.audit_id, i.target_id, i.series_id, i.observed_at, i.latency_ms, i.attempts, i.result, i.state, i.reason_id, i.flags,
        coalesce(i.evidence_id, e.id) AS evidence_id, EXISTS (
        -- By key, for each other audit: the planner knows nothing yet of a new month, and would read all of it.
        SELECT FROM rivals CROSS JOIN LATERAL (
          SELECT FROM finding f
          WHERE f.audit_id = rivals.id AND f.target_id = i.target_id AND f.series_id = i.series_id AND f.observed_at >= i.observed_at
          OFFSET 0
        ) newer WHERE rivals.id <> i.audit_id
      ) OR EXISTS (
        -- It ended because the series had left the scope by then.
        SELECT FROM span s WHERE s.target_id = i.target_id AND s.series_id = i.series_id AND s.to_at >= i.observed_at
      ) AS late
      FROM input i LEFT JOIN added e ON i.evidence_id IS NULL AND e.digest = decode(i.digest, 'hex')
    ), fresh AS (
      INSERT INTO finding (audit_id, observed_at, target_id, series_id, evidence_id, latency_ms, attempts, result, state, reason_id, flags)
      SELECT audit_id, observed_at, target_id, series_id, evidence_id, latency_ms, attempts, result, state, reason_id,
        flags | CASE WHEN late THEN ${findingFlags.late}::smallint ELSE 0::smallint END
      FROM judged ORDER BY audit_id, target_id, series_id -- in the order of the index, whose pages are then filled
      ON CONFLICT DO NOTHING RETURNING *
    ), ${permittedPart(findings)} ${recordingsPart(batches)} changed AS (
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
      UPDATE batch b SET done_at = now(), checks = '[]', paired_observations = g.paired_observations::jsonb, seal = g.seal
      FROM unnest(
        ${given.map(({ batchId }) => batchId)}::int[],
        ${given.map(({ pairedObservations }) => (pairedObservations ? JSON.stringify(pairedObservations) : null))}::text[],
        ${given.map(({ pairedSeal }) => pairedSeal)}::text[]
      ) AS g(id, paired_observations, seal) WHERE b.id = g.id AND b.done_at IS NULL RETURNING b.audit_id, b.id
    ), progress AS (
      SELECT g.id, count(f.audit_id) AS found, min(f.observed_at) AS first, max(f.observed_at) AS last,
        (SELECT count(*) FROM delivered d WHERE d.audit_id = g.id) AS delivered
      FROM unnest(${[...new Set(batches.map(({ auditId }) => auditId))]}::uuid[]) AS g(id) LEFT JOIN fresh f ON f.audit_id = g.id
      GROUP BY g.id
    ), locked AS MATERIALIZED (
      -- At the end, so that they are not locked for long; in one order for all who record.
      SELECT a.id FROM audit a WHERE a.id IN (SELECT id FROM progress) ORDER BY a.id FOR NO KEY UPDATE
    )
    UPDATE audit a SET
      done = a.done + p.found, batches_left = a.batches_left - p.delivered,
      observed_from = least(a.observed_from, p.first), observed_until = greatest(a.observed_until, p.last),
      -- Ahead by the age of the audit, so that it changes a few times: an update of an indexed column writes to all indexes.
      observed_bound = CASE WHEN a.observed_bound IS NULL OR a.observed_bound < p.last
        THEN p.last + (p.last - least(a.observed_from, p.first)) ELSE a.observed_bound END
    FROM progress p, locked l WHERE p.id = a.id AND l.id = a.id
    RETURNING a.id, a.status, a.done, a.total, a.batches_left AS "batchesLeft",
      ARRAY(SELECT d.id FROM delivered d WHERE d.audit_id = a.id) AS recorded`
}

/** One object of texts that are JSON already. */
const jsonOf = (texts: ReadonlyMap<string, string>) =>
  `{${[...texts].map(([name, text]) => `"${name}":${text}`).join(',')}}`

/** Stores the windows and waivers of findings. */
function permittedPart(findings: readonly DigestedFinding[]): Prisma.Sql {
  const permitted = findings.filter(({ windowId, waiverId }) => windowId || waiverId)
  if (permitted.length === 0) return Prisma.empty
  return Prisma.sql`permitted AS (
      INSERT INTO finding_permission (audit_id, target_id, series_id, window_id, waiver_id)
      SELECT g.* FROM unnest(
        ${permitted.map((f) => f.auditId)}::uuid[], ${permitted.map((f) => f.targetId)}::int[], ${permitted.map((f) => f.seriesId)}::int[],
        ${permitted.map((f) => f.windowId ?? null)}::uuid[], ${permitted.map((f) => f.waiverId ?? null)}::uuid[]
      ) AS g(audit_id, target_id, series_id, window_id, waiver_id) JOIN fresh USING (audit_id, target_id, series_id)
    ),`
}
