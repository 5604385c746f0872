import { type Proof, proofOf } from '../../domain/exceptions/windows.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredWindow } from '../../store/exceptions/windows.ts'
import { publish } from '../events/publish.ts'

/** The trigger of the audits that reprobe a window. */
export const reprobeTrigger = (windowId: string): string => `window:${windowId}`
export const isReprobe = (trigger: string): boolean => trigger.startsWith(reprobeTrigger(''))

/**
 * Stores and publishes what the audit of a window has proven, in the caller's transaction. It runs at the end of the audit, and
 * again before the next reprobe, in case the process died in between. Undefined while the audit has not ended.
 */
export async function proveWindow(tx: Stores, auditId: string): Promise<Proof | undefined> {
  const seen = await tx.windows.exposuresSeen(auditId)
  if (!seen) return undefined
  const proof = proofOf(seen)
  const window = await tx.windows.noteProof({ ...seen, auditId, proof })
  if (window) {
    tx.ledger.record({
      actor: 'system',
      action: 'window.prove',
      subject: window.id,
      payload: { audit: auditId, proof },
    })
    await publishProof(tx, window, { auditId, proof })
  }
  return proof
}

/** Publishes whether the exposure of a window is closed after its end; what is not proven is not published. */
async function publishProof(tx: Stores, window: StoredWindow, { auditId, proof }: { auditId: string; proof: Proof }) {
  const type = proof === 'open' ? 'window.still-open' : proof === 'closed' ? 'window.closed' : undefined
  if (!type) return
  const { id, policy, rules, ticket, reason, reprobes } = window
  const times = { from: window.from.toISOString(), to: window.to.toISOString() }
  const data = { window: { id, policy, rules, ticket, reason, ...times, reprobes }, policy, audit: auditId }
  await publish(tx, [{ type, subject: id, data }])
}
