import { dropOldDeliveries } from '../webhooks/deliveries.ts'
import type { Database } from './database.ts'
import { ensurePartitions } from './partitions.ts'
import { prepared, sweep } from './statements.ts'

/** How long idempotency keys and finished batches are kept. */
export const idempotencyDays = 7

/** Removes what the service does not need any more. Spans, their evidence, baselines and the summaries of audits stay. */
export function createMaintenanceStore(db: Database) {
  return {
    /** Creates the partitions of this month and the next. */
    ensurePartitions: () => ensurePartitions(db),

    /** Drops the findings of months that ended before the retention; returns the names of their partitions. */
    async dropFindings(retentionDays: number): Promise<string[]> {
      const rows = await prepared<{ name: string }>(db)`
        SELECT drop_finding_partitions_before(now() - make_interval(days => ${retentionDays}::int)) AS name`
      return rows.map(({ name }) => name)
    },

    /** Removes windows and waivers of findings before the retention. */
    async dropPermissions(retentionDays: number): Promise<void> {
      await sweep(db)`
        DELETE FROM finding_permission
        WHERE audit_id < uuid_v7_floor(date_trunc('month', now() - make_interval(days => ${retentionDays}::int), 'UTC'))`
    },

    /**
     * Removes finished batches, idempotency keys, and of ended audits the slices without a plan and the seals of recordings,
     * which the entry replaces.
     */
    async dropOldRequests(): Promise<void> {
      await sweep(db)`DELETE FROM batch WHERE done_at < now() - make_interval(days => ${idempotencyDays}::int)`
      await sweep(
        db,
      )`DELETE FROM idempotent_request WHERE created_at < now() - make_interval(days => ${idempotencyDays}::int)`
      await sweep(db)`DELETE FROM plan_slice s USING audit a WHERE a.id = s.audit_id AND a.finished_at IS NOT NULL`
      await sweep(db)`DELETE FROM recording r USING audit a WHERE a.id = r.audit_id AND a.finished_at IS NOT NULL`
    },

    dropOldDeliveries: (retentionDays: number) => dropOldDeliveries(db, retentionDays),

    sweepEvidence: () => sweepEvidence(db),
  }
}

/**
 * Removes unused evidence in two steps, one run apart. A recording that starts in between clears the mark; a recording that
 * started before has ended by the next run, which keeps the evidence that it uses. Evidence that a recording holds is
 * skipped, because waiting for several rows in another order than a recording would be a deadlock.
 */
async function sweepEvidence(db: Database): Promise<void> {
  await sweep(db)`
    DELETE FROM evidence WHERE id IN (SELECT e.id FROM evidence e WHERE e.unused_since < now() - interval '1 hour'
      AND NOT EXISTS (SELECT FROM span s WHERE s.evidence_id = e.id) AND NOT EXISTS (SELECT FROM finding f WHERE f.evidence_id = e.id)
      AND NOT EXISTS (SELECT FROM baseline_state b WHERE b.evidence_id = e.id) FOR UPDATE OF e SKIP LOCKED)`
  await sweep(db)`
    UPDATE evidence SET unused_since = now() WHERE id IN (SELECT e.id FROM evidence e WHERE e.unused_since IS NULL
      AND NOT EXISTS (SELECT FROM span s WHERE s.evidence_id = e.id) AND NOT EXISTS (SELECT FROM finding f WHERE f.evidence_id = e.id)
      AND NOT EXISTS (SELECT FROM baseline_state b WHERE b.evidence_id = e.id) FOR UPDATE OF e SKIP LOCKED)`
}
