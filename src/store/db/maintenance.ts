import { dropOldDeliveries } from '../webhooks/deliveries.ts'
import type { Database } from './database.ts'
import { ensurePartitions } from './partitions.ts'
import { prepared } from './statements.ts'
import type { Transact } from './stores.ts'

/** How long idempotency keys are kept, and so are finished batches. */
export const idempotencyDays = 7

/**
 * The nightly maintenance: makes partitions ahead, drops the findings of months that ended before the retention, with what permitted
 * them, and removes evidence that nothing refers to any more. Spans, the evidence that they use, baselines and the summaries of audits stay.
 */
export async function maintain(
  { db, transaction }: { db: Database; transaction: Transact },
  { retentionDays, webhookRetentionDays = 30 }: { retentionDays: number; webhookRetentionDays?: number },
): Promise<{ droppedPartitions: string[] }> {
  await ensurePartitions(db)
  const dropped = await transaction(async ({ ledger }, tx) => {
    const names = await prepared<{ name: string }>(tx)`
      SELECT drop_finding_partitions_before(now() - make_interval(days => ${retentionDays}::int)) AS name`
    // So that the ledger can tell findings that were dropped by rule from those that were removed.
    for (const { name } of names)
      ledger.record({ actor: 'system', action: 'findings.drop', subject: name, payload: { retentionDays } })
    return names
  })
  await db.$executeRaw`
    DELETE FROM finding_permission
    WHERE audit_id < uuid_v7_floor(date_trunc('month', now() - make_interval(days => ${retentionDays}::int), 'UTC'))`
  await db.$executeRaw`DELETE FROM batch WHERE done_at < now() - make_interval(days => ${idempotencyDays}::int)`
  await db.$executeRaw`DELETE FROM idempotent_request WHERE created_at < now() - make_interval(days => ${idempotencyDays}::int)`
  await dropOldDeliveries(db, webhookRetentionDays)
  await sweepEvidence(db)
  return { droppedPartitions: dropped.map(({ name }) => name) }
}

/**
 * Removes unused evidence in two steps, a run apart. A recording that begins in between sees the mark and takes the row back;
 * one that began before has ended by the next run, and what it refers to is not removed.
 */
async function sweepEvidence(db: Database): Promise<void> {
  await db.$executeRaw`
    DELETE FROM evidence e WHERE e.unused_since < now() - interval '1 hour'
      AND NOT EXISTS (SELECT FROM span s WHERE s.evidence_id = e.id) AND NOT EXISTS (SELECT FROM finding f WHERE f.evidence_id = e.id)
      AND NOT EXISTS (SELECT FROM baseline_state b WHERE b.evidence_id = e.id)`
  await db.$executeRaw`
    UPDATE evidence e SET unused_since = now() WHERE e.unused_since IS NULL
      AND NOT EXISTS (SELECT FROM span s WHERE s.evidence_id = e.id) AND NOT EXISTS (SELECT FROM finding f WHERE f.evidence_id = e.id)
      AND NOT EXISTS (SELECT FROM baseline_state b WHERE b.evidence_id = e.id)`
}
