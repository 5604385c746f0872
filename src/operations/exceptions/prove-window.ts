import { type Proof, proofOf } from '../../domain/exceptions/windows.ts'
import type { OutboxEvent, WindowResolution } from '../../domain/webhooks/events.ts'
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
  const data = dataOf(window, auditId)
  if (proof === 'open') await publish(tx, [{ type: 'window.still-open', subject: window.id, data }])
  if (proof === 'closed') await publishClosed(tx, data, 'closed')
  if (proof === 'not-applicable') await publishClosed(tx, data, 'notapplicable')
}

/** Publishes that no target or rule of an ended window is left, so that nothing can be proven any more. */
export async function publishOutOfScope(tx: Stores, window: StoredWindow): Promise<void> {
  if (window.reprobeAuditId !== null) await publishClosed(tx, dataOf(window, window.reprobeAuditId), 'out-of-scope')
}

type WindowData = OutboxEvent<'window.still-open'>['data']

const publishClosed = (tx: Stores, data: WindowData, resolution: WindowResolution): Promise<void> =>
  publish(tx, [{ type: 'window.closed', subject: data.window.id, data: { ...data, resolution } }])

function dataOf(window: StoredWindow, auditId: string): WindowData {
  const { id, policy, rules, ticket, reason, reprobes } = window
  const times = { from: window.from.toISOString(), to: window.to.toISOString() }
  return { window: { id, policy, rules, ticket, reason, ...times, reprobes }, policy, audit: auditId }
}
