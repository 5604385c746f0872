import { failIfRefused } from './end.ts'
import { finishAudit } from './finish.ts'
import { planSlices, type SliceParts } from './plan-audit.ts'
import { recordUnseen } from './run-batch.ts'

/**
 * Cancels an audit: checks that are not recorded yet become `unknown`. A worker that runs one of the batches finds the batch
 * recorded, and its results change nothing. Returns false for an audit that has ended already.
 */
export async function cancelAudit(
  parts: SliceParts,
  auditId: string,
  { actor, reason }: { actor: string; reason?: string | undefined },
): Promise<boolean> {
  const isOpen = await parts.transaction(async ({ audits, ledger }) => {
    const open = await audits.requestCancel(auditId)
    if (open) ledger.record({ actor, action: 'audit.cancel', subject: auditId, payload: { reason } })
    return open
  })
  if (!isOpen) return false
  await failIfRefused(parts.endAudit, auditId, async () => {
    await planSlices(parts, auditId) // what is not planned yet gets a result, too
    for (const { id: batchId } of await parts.stores.batches.open(auditId)) {
      await recordUnseen(parts, { auditId, batchId }, { result: 'unknown', reason: 'audit-canceled' })
    }
    await finishAudit(parts, auditId)
  })
  return true
}
