import type { AuditStatus } from '../../domain/audits.ts'
import { results } from '../../domain/findings/judge.ts'
import { type AuditCounts, noCounts, type Verdict } from '../../domain/findings/verdict.ts'
import type { Sealer } from '../../domain/seals.ts'
import { auditEventTypes } from '../../domain/webhooks/events.ts'
import type { Codes } from '../db/codes.ts'
import type { Database } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { auditRecord, checkSeals, type SealedAudit, sealedColumns } from './audit-record.ts'
import { type FindingsDigest, sumUpFindings } from './findings-digest.ts'
import { countSealed } from './recordings.ts'

/** The channel on which the end of an audit or trace is notified; the payload is its id. */
export const auditChannel = 'portwarden_audit'

/** What the findings of an audit amount to. */
interface FindingsSummary {
  counts: AuditCounts
  findings: FindingsDigest
  /** Findings that this service recorded, and that are as they were. */
  sealed: number
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
  /** Whether a callback or a webhook waits for its end. */
  isAwaited: boolean
  policy: string
  version: number
  policyDigest: string
  startedAt: Date | null
  finishedAt: Date
  /** SHA-256 over the columns of its row. */
  record: string
  /** Findings of its plan. */
  total: number
  /** Whether this service wrote the request and the plan. */
  isSealed: { request: boolean; plan: boolean }
}

/** An audit that has not ended. */
interface OpenAudit {
  id: string
  /** Whether it waits to be planned. */
  isQueued: boolean
}

/** Locks the unfinished ones until the transaction ends. */
export const lockOpenAudits = (tx: Database, ids: readonly string[]): Promise<OpenAudit[]> =>
  prepared<OpenAudit>(tx)`
    SELECT id, status = 'queued' AND cancel_requested_at IS NULL AS "isQueued" FROM audit
    WHERE id = ANY(${[...ids]}::uuid[]) AND status IN ('queued', 'running') ORDER BY id FOR UPDATE`

/** Counts and digests findings, in the order of `ids`. */
export async function summarizeFindings(
  db: Database,
  { codes, sealer }: { codes: Codes; sealer: Sealer },
  ids: readonly string[],
): Promise<FindingsSummary[]> {
  const sums = await sumUpFindings(db, ids, results.map(codes.result.numberOf))
  return sums.map(({ count, digest, waived, results: numbers, recordings }, at) => {
    const counts: AuditCounts = { ...noCounts, waived }
    for (const [i, result] of results.entries()) counts[result] = numbers[i] ?? 0
    return { counts, findings: { count, digest }, sealed: countSealed(sealer, ids[at] ?? '', recordings) }
  })
}

/** Ends audits that are locked: `failed` with an error, else `canceled` when that was requested, else `completed`. */
export async function endAudits(tx: Database, sealer: Sealer, ends: readonly AuditEnd[]): Promise<EndedAudit[]> {
  const rows = await prepared<Omit<EndedAudit, 'isSealed'> & SealedAudit>(tx)`
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
    SELECT e.id, e.status, ${sealedColumns}, ${auditRecord} AS record,
      e.callback_url IS NOT NULL AS "hasCallback", e.callback_url IS NOT NULL OR EXISTS (
        SELECT FROM webhook WHERE enabled AND events && ${[...auditEventTypes]}::text[]
      ) AS "isAwaited", p.name AS policy, p.version, p.digest AS "policyDigest",
      e.started_at AS "startedAt", e.finished_at AS "finishedAt", pg_notify(${auditChannel}, e.id::text)::text AS notified
    FROM ended e JOIN policy p ON p.id = e.policy_id`
  return rows.map((row) => ({ ...row, isSealed: checkSeals(sealer, row) }))
}
