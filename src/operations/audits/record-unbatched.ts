import { findingsPerRecording, type NewFinding } from '../../store/audits/record-findings.ts'
import type { Stores } from '../../store/db/stores.ts'

/** Records findings without a batch, in bounded statements. */
export async function recordUnbatched(
  stores: Stores,
  { auditId, isUnproven = false }: { auditId: string; isUnproven?: boolean },
  findings: readonly NewFinding[],
): Promise<void> {
  for (let i = 0; i < findings.length; i += findingsPerRecording) {
    const some = findings.slice(i, i + findingsPerRecording)
    await stores.record({ auditId, batchId: null, findings: some, isUnproven })
  }
}
