import { createHash } from 'node:crypto'
import { findingFlags } from '../../domain/findings/finding.ts'
import type { Sealer } from '../../domain/seals.ts'
import { Prisma } from '../db/database.ts'

/** A finding as its row will hold it. */
export interface StoredFinding {
  targetId: number
  seriesId: number
  observedAt: Date
  latency: number
  attempts: number
  numbers: { result: number; state: number; reason: number }
  indirect: boolean
  /** Of its evidence. */
  digest: string | null
  windowId?: string | null
  waiverId?: string | null
}

const inOrder = (findings: readonly StoredFinding[]) => findings.toSorted((a, b) => a.seriesId - b.seriesId)

/** What the seal of a recording covers: one line for each finding, in the order of the series, as `findingLine` makes them. */
export function recordingContent(auditId: string, findings: readonly StoredFinding[]): string {
  const lines = inOrder(findings).map((f) => {
    const { result, state, reason } = f.numbers
    const judged = `${f.latency},${f.attempts},${result},${state},${reason},${f.indirect ? findingFlags.indirect : 0}`
    const parts = `${f.digest ?? ''},${f.windowId ?? ''},${f.waiverId ?? ''}`
    return `${f.targetId},${f.seriesId},${f.observedAt.getTime()},${judged},${parts}`
  })
  return contentOf(auditId, createHash('sha256').update(lines.join('\n')).digest('hex'))
}

const contentOf = (auditId: string, digest: string) => `${auditId} ${digest}`

/** The line of a finding `f` with its evidence `e` and its permission `p`. */
export const findingLine = Prisma.sql`f.target_id || ',' || f.series_id || ',' || (extract(epoch FROM f.observed_at) * 1000)::bigint || ','
  || f.latency_ms || ',' || f.attempts || ',' || f.result || ',' || f.state || ',' || f.reason_id || ','
  || (f.flags & ${findingFlags.indirect}::smallint) || ',' || coalesce(encode(e.stored_digest, 'hex'), '') || ','
  || coalesce(p.window_id::text, '') || ',' || coalesce(p.waiver_id::text, '')`

/** Stores the seals of recordings whose findings are new: a second delivery must not leave one. */
export function recordingsPart(
  recordings: readonly { auditId: string; seal: string | null; findings: readonly StoredFinding[] }[],
): Prisma.Sql {
  const sealed = recordings.flatMap(({ auditId, seal, findings }) =>
    seal === null ? [] : [{ auditId, seal, findings: inOrder(findings) }],
  )
  if (sealed.length === 0) return Prisma.empty
  const keys = sealed.map(({ findings }) => ({
    targets: `{${findings.map(({ targetId }) => targetId)}}`,
    series: `{${findings.map(({ seriesId }) => seriesId)}}`,
  }))
  return Prisma.sql`sealed AS (
      INSERT INTO recording (audit_id, target_ids, series_ids, seal)
      SELECT g.audit_id, g.target_ids::int[], g.series_ids::int[], g.seal FROM unnest(
        ${sealed.map(({ auditId }) => auditId)}::uuid[], ${keys.map(({ targets }) => targets)}::text[],
        ${keys.map(({ series }) => series)}::text[], ${sealed.map(({ seal }) => seal)}::text[],
        ${sealed.map(({ findings }) => findings[0]?.seriesId)}::int[]
      ) AS g(audit_id, target_ids, series_ids, seal, first_series)
      WHERE EXISTS (SELECT FROM fresh f WHERE f.audit_id = g.audit_id AND f.series_id = g.first_series)
    ),`
}

/** What is stored of one recording, and the digest over its findings now. */
export interface RecordingSum {
  seal: string
  count: number
  digest: string
}

/** How many findings of an audit were recorded by this service and are as they were. */
export function countSealed(sealer: Sealer, auditId: string, recordings: readonly RecordingSum[]): number {
  const bySeal = new Map(recordings.map((one) => [one.seal, one]))
  return [...bySeal.values()]
    .filter(({ seal, digest }) => sealer.isSealed(seal, 'recording', contentOf(auditId, digest)))
    .reduce((sum, { count }) => sum + count, 0)
}
