import { findingsPerRecording, type NewFinding } from '../../store/audits/record-findings.ts'
import type { Stores } from '../../store/db/stores.ts'

/** Records findings without a batch, in bounded statements. */
export async function recordUnbatched(stores: Stores, auditId: string, findings: readonly NewFinding[]): Promise<void> {
  for (let i = 0; i < findings.length; i += findingsPerRecording)
    await stores.record({ auditId, batchId: null, findings: findings.slice(i, i + findingsPerRecording) })
}
