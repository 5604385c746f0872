import { results } from '../../domain/findings/judge.ts'
import { type AuditCounts, noCounts, verdictOf } from '../../domain/findings/verdict.ts'
import type { LedgerKeys } from '../../domain/ledger.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma, transact } from '../db/database.ts'
import { appendEntries } from '../ledger/entries.ts'
import { eventsOfAudits, listens, outboxChannel, outboxWaiter } from '../webhooks/outbox.ts'
import { type FindingsSum, sumUpFindings } from './findings-digest.ts'

/** The channel on which the end of an audit is told; the payload is its id. */
export const auditChannel = 'portwarden_audit'

/** An audit that is to end; with an error it has failed. */
export interface Ending {
  id: string
  error: string | null
}

/** What had asked for an audit, and how it ended. */
export interface Ended {
  trigger: string
  status: string
  verdict: string
}

interface EndedRow {
  id: string
  status: string
  actor: string
  trigger: string
  correlationId: string | null
  policy: string
  version: number
  policyDigest: string
  startedAt: Date | null
  finishedAt: Date
  notified: string
}

/**
 * Ends audits in one transaction, each once: counts its findings, gives the verdict, tells who listens, and writes all that
 * into the ledger with a digest over the findings. Nothing is found after the end, so that the digest stays right until
 * retention drops them. Answers in their order; undefined for one that has ended before.
 */
export async function finishAudits(
  db: Database,
  { codes, keys }: { codes: Codes; keys: LedgerKeys },
  endings: readonly Ending[],
): Promise<(Ended | undefined)[]> {
  return transact(db, async (tx) => {
    const open = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM audit WHERE id = ANY(${endings.map(({ id }) => id)}::uuid[]) AND status IN ('queued', 'running')
      ORDER BY id FOR UPDATE`
    const due = open.flatMap(({ id }) => endings.find((ending) => ending.id === id) ?? [])
    if (due.length === 0) return endings.map(() => undefined)
    const ended = await end(tx, { codes, keys }, due)
    return endings.map((ending) => (due.includes(ending) ? ended.get(ending.id) : undefined))
  })
}

async function end(
  tx: Database,
  { codes, keys }: { codes: Codes; keys: LedgerKeys },
  due: readonly Ending[],
): Promise<Map<string, Ended>> {
  const ids = due.map(({ id }) => id)
  const sums = await sumUpFindings(tx, ids, results.map(codes.result.numberOf))
  const counted = due.map((ending, i) => countsOf(ending, sums[i]))
  const rows = await tx.$queryRaw<EndedRow[]>(endStatement(counted))
  const byId = new Map(rows.map((row) => [row.id, row]))
  const changes = counted.map(({ id, error, counts, verdict, findings }) => {
    const row = byId.get(id)
    if (!row) throw new Error(`audit ${id} has no policy`)
    const { id: _, actor, policy: name, version, policyDigest, notified: __, ...rest } = row
    const payload = { ...rest, error, verdict, counts, policy: { name, version, digest: policyDigest }, findings }
    return { actor, action: 'audit.finish' as const, subject: id, payload }
  })
  await appendEntries(tx, keys, changes)
  return new Map(
    changes.map(({ subject, payload: { trigger, status, verdict } }) => [subject, { trigger, status, verdict }]),
  )
}

function countsOf(ending: Ending, sum: FindingsSum | undefined) {
  if (!sum) throw new Error(`the findings of audit ${ending.id} were not counted`)
  const { count, digest, waived } = sum
  const counts: AuditCounts = { ...noCounts, waived }
  for (const [i, result] of results.entries()) counts[result] = sum.results[i] ?? 0
  return { ...ending, counts, verdict: verdictOf(counts), findings: { count, digest } }
}

const endStatement = (counted: readonly ReturnType<typeof countsOf>[]) =>
  Prisma.sql`
    WITH ended AS (
      UPDATE audit SET verdict = g.verdict, counts = g.counts::jsonb, error = g.error,
        finished_at = now(), status = CASE WHEN g.error IS NOT NULL THEN 'failed'
          WHEN cancel_requested_at IS NOT NULL THEN 'canceled' ELSE 'completed' END
      FROM unnest(
        ${counted.map(({ id }) => id)}::uuid[], ${counted.map(({ verdict }) => verdict)}::text[],
        ${counted.map(({ counts }) => JSON.stringify(counts))}::text[], ${counted.map(({ error }) => error)}::text[]
      ) AS g(id, verdict, counts, error)
      WHERE audit.id = g.id RETURNING audit.*
    ), outbox AS (
      INSERT INTO webhook_outbox (kind, subject, data) SELECT 'audit.completed', id::text, '{}' FROM ended
      WHERE callback_url IS NOT NULL OR EXISTS (SELECT FROM webhook WHERE ${listens(eventsOfAudits)}) RETURNING 1
    )
    SELECT e.id, e.status, e.requested_by AS actor, e.trigger, e.correlation_id AS "correlationId", p.name AS policy, p.version,
      p.digest AS "policyDigest", e.started_at AS "startedAt", e.finished_at AS "finishedAt",
      pg_notify(${auditChannel}, e.id::text)::text || coalesce((
        SELECT pg_notify(${outboxChannel}, ${outboxWaiter})::text FROM outbox LIMIT 1
      ), '') AS notified
    FROM ended e JOIN policy p ON p.id = e.policy_id`
