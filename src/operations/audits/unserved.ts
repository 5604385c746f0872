import type { Parts } from '../context.ts'
import { failIfRefused } from './end.ts'
import type { FinishParts } from './finish.ts'
import { recordUnseen } from './run-batch.ts'

interface UnservedParts extends FinishParts, Pick<Parts, 'endAudit'> {
  /** Removes the batches of an audit from their queues. */
  dropBatches(vantage: string, auditId: string): Promise<void>
  /** How long an audit waits for a vantage that was not seen since it began. */
  vantageWaitMs: number
}

/**
 * Records the checks that nothing will make as `notchecked`: those of a removed vantage (`vantage-removed`), and of one that was absent
 * before the audit began and has not come back since (`vantage-absent`). Checks of a vantage that was seen meanwhile wait for it.
 */
export async function settleUnserved(parts: UnservedParts, onError: (error: unknown) => void): Promise<void> {
  const unserved = await parts.stores.batches.unserved(parts.vantageWaitMs)
  for (const [auditId, batches] of Map.groupBy(unserved, (batch) => batch.auditId)) {
    const record = async () => {
      // Before the last recording ends the audit, so that an ended audit has no job left.
      for (const vantage of new Set(batches.map((batch) => batch.vantage))) await parts.dropBatches(vantage, auditId)
      for (const { id: batchId, isRemoved } of batches) {
        const reason = isRemoved ? 'vantage-removed' : 'vantage-absent'
        await recordUnseen(parts, { auditId, batchId }, { result: 'notchecked', reason })
      }
    }
    await failIfRefused(parts.endAudit, auditId, record).catch(onError) // the next poll tries again
  }
}
