import type { AuditStatus } from '../../domain/audits.ts'
import { results } from '../../domain/findings/judge.ts'
import { type AuditCounts, noCounts, type Verdict } from '../../domain/findings/verdict.ts'
import type { Codes } from '../db/codes.ts'
<<<<<<< HEAD
import { type Database, Prisma } from '../db/database.ts'
import { type FindingsDigest, sumUpFindings } from './findings-digest.ts'
=======
import { type Database, Prisma, transact } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { appendEntries } from '../ledger/entries.ts'
import { eventsOfAudits, listens, outboxChannel, outboxWaiter } from '../webhooks/outbox.ts'
import { type FindingsSum, sumUpFindings } from './findings-digest.ts'
>>>>>>> cff09dd (store: the author of a statement says prepared or report)

/** The channel on which the end of an audit is notified; the payload is its id. */
export const auditChannel = 'portwarden_audit'

/** What the findings of an audit amount to. */
interface FindingsSummary {
  counts: AuditCounts
  findings: FindingsDigest
}

/** How an audit ends; with an error it has failed. */
export interface AuditEnd {
  id: string
  error: string | null
  verdict: Verdict
  counts: AuditCounts
}

/** An audit that has just ended. */
export interface EndedAudit {
  id: string
  status: AuditStatus
  requestedBy: string
  trigger: string
  correlationId: string | null
  hasCallback: boolean
  policy: string
  version: number
  policyDigest: string
  startedAt: Date | null
  finishedAt: Date
}

/** An audit that has not ended. */
interface OpenAudit {
  id: string
  /** Whether it waits to be planned. */
  isQueued: boolean
}

/** Locks those of the audits that have not ended, until the transaction ends. */
export const lockOpenAudits = (tx: Database, ids: readonly string[]): Promise<OpenAudit[]> =>
  tx.$queryRaw<OpenAudit[]>`
    SELECT id, status = 'queued' AND cancel_requested_at IS NULL AS "isQueued" FROM audit
    WHERE id = ANY(${[...ids]}::uuid[]) AND status IN ('queued', 'running') ORDER BY id FOR UPDATE`

/** Counts and digests the findings of audits, in the order of `ids`. */
export async function summarizeFindings(
  db: Database,
<<<<<<< HEAD
  codes: Codes,
  ids: readonly string[],
): Promise<FindingsSummary[]> {
  const sums = await sumUpFindings(db, ids, results.map(codes.result.numberOf))
  return sums.map(({ count, digest, waived, results: numbers }) => {
    const counts: AuditCounts = { ...noCounts, waived }
    for (const [i, result] of results.entries()) counts[result] = numbers[i] ?? 0
    return { counts, findings: { count, digest } }
  })
}

/** Ends audits that are locked: `failed` with an error, else `canceled` when that was requested, else `completed`. */
export const endAudits = (tx: Database, ends: readonly AuditEnd[]): Promise<EndedAudit[]> =>
  tx.$queryRaw<EndedAudit[]>(Prisma.sql`
=======
  { codes, keys }: { codes: Codes; keys: LedgerKeys },
  endings: readonly Ending[],
): Promise<(Ended | undefined)[]> {
  return transact(db, async (tx) => {
    const open = await prepared<{ id: string }>(tx)`
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
  const rows = await prepared<EndedRow>(tx)`${endStatement(counted)}`
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
>>>>>>> cff09dd (store: the author of a statement says prepared or report)
    WITH ended AS (
      UPDATE audit SET verdict = g.verdict, counts = g.counts::jsonb, error = g.error,
        finished_at = now(), status = CASE WHEN g.error IS NOT NULL THEN 'failed'
          WHEN cancel_requested_at IS NOT NULL THEN 'canceled' ELSE 'completed' END
      FROM unnest(
        ${ends.map(({ id }) => id)}::uuid[], ${ends.map(({ verdict }) => verdict)}::text[],
        ${ends.map(({ counts }) => JSON.stringify(counts))}::text[], ${ends.map(({ error }) => error)}::text[]
      ) AS g(id, verdict, counts, error)
      WHERE audit.id = g.id RETURNING audit.*
    )
    SELECT e.id, e.status, e.requested_by AS "requestedBy", e.trigger, e.correlation_id AS "correlationId",
      e.callback_url IS NOT NULL AS "hasCallback", p.name AS policy, p.version, p.digest AS "policyDigest",
      e.started_at AS "startedAt", e.finished_at AS "finishedAt", pg_notify(${auditChannel}, e.id::text)::text AS notified
    FROM ended e JOIN policy p ON p.id = e.policy_id`)
