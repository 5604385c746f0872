import type { LedgerKeys } from '../domain/ledger.ts'
import { type AuditCounts, noCounts, verdictOf } from '../domain/verdict.ts'
import type { Codes } from './codes.ts'
import { type Database, Prisma, transact } from './database.ts'
import { digestFindings } from './findings-digest.ts'
import { appendEntries } from './ledger.ts'
import { eventsOfAudits, listens, outboxChannel, outboxWaiter } from './outbox.ts'

/** The channel on which the end of an audit is told; the payload is its id. */
export const auditChannel = 'portwarden_audit'

interface Ended {
  status: string
  actor: string
  trigger: string
  correlationId: string | null
  policy: string
  version: number
  policyDigest: string
  startedAt: Date | null
  finishedAt: Date
  told: string
}

/**
 * Ends an audit, once: counts its findings, gives the verdict, tells who listens, and writes all that into the ledger with a
 * digest over the findings. Nothing is found after the end, so that the digest stays right until retention drops them.
 * Answers what had asked for the audit and how it ended; undefined where it has ended before.
 */
export async function finishAudit(
  db: Database,
  { codes, keys }: { codes: Codes; keys: LedgerKeys },
  { id, error = null }: { id: string; error?: string | null },
): Promise<{ trigger: string; status: string; verdict: string } | undefined> {
  return transact(db, async (tx) => {
    const open = await tx.$queryRaw<object[]>`
      SELECT id FROM audit WHERE id = ${id}::uuid AND status IN ('queued', 'running') FOR UPDATE`
    if (open.length === 0) return undefined
    const counts = await countFindings(tx, codes, id)
    const verdict = verdictOf(counts)
    const findings = await digestFindings(tx, id)
    const [ended] = await tx.$queryRaw<Ended[]>(endStatement({ id, error, verdict, counts }))
    if (!ended) throw new Error(`audit ${id} has no policy`)
    const { actor, policy: name, version, policyDigest, told: _, ...rest } = ended
    const payload = { ...rest, error, verdict, counts, policy: { name, version, digest: policyDigest }, findings }
    await appendEntries(tx, keys, [{ actor, action: 'audit.finish', subject: id, payload }])
    return { trigger: ended.trigger, status: ended.status, verdict }
  })
}

async function countFindings(tx: Database, codes: Codes, id: string): Promise<AuditCounts> {
  const rows = await tx.$queryRaw<{ result: number; count: number }[]>`
    SELECT result, count(*)::int AS count FROM finding WHERE audit_id = ${id}::uuid GROUP BY result`
  const [{ waived } = { waived: 0 }] = await tx.$queryRaw<{ waived: number }[]>`
    SELECT count(waiver_id)::int AS waived FROM finding_permission WHERE audit_id = ${id}::uuid`
  return { ...noCounts, waived, ...Object.fromEntries(rows.map((r) => [codes.result.wordOf(r.result), r.count])) }
}

const endStatement = ({
  id,
  error,
  verdict,
  counts,
}: {
  id: string
  error: string | null
  verdict: string
  counts: AuditCounts
}) =>
  Prisma.sql`
    WITH ended AS (
      UPDATE audit SET verdict = ${verdict}, counts = ${JSON.stringify(counts)}::jsonb, error = ${error}::text,
        finished_at = now(), status = CASE WHEN ${error}::text IS NOT NULL THEN 'failed'
          WHEN cancel_requested_at IS NOT NULL THEN 'canceled' ELSE 'completed' END
      WHERE id = ${id}::uuid RETURNING *
    ), outbox AS (
      INSERT INTO webhook_outbox (kind, subject, data) SELECT 'audit.completed', id::text, '{}' FROM ended
      WHERE callback_url IS NOT NULL OR EXISTS (SELECT FROM webhook WHERE ${listens(eventsOfAudits)}) RETURNING 1
    )
    SELECT e.status, e.requested_by AS actor, e.trigger, e.correlation_id AS "correlationId", p.name AS policy, p.version,
      p.digest AS "policyDigest", e.started_at AS "startedAt", e.finished_at AS "finishedAt",
      pg_notify(${auditChannel}, e.id::text)::text || coalesce((
        SELECT pg_notify(${outboxChannel}, ${outboxWaiter})::text FROM outbox
      ), '') AS told
    FROM ended e JOIN policy p ON p.id = e.policy_id`
