import { type ReprobeJob, reprobePauseMs, settles, windowTime } from '../../domain/exceptions/windows.ts'
import { required } from '../../runtime/required.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredWindow } from '../../store/exceptions/windows.ts'
import type { Parts } from '../context.ts'
import { proveWindow, publishOutOfScope, reprobeTrigger } from './prove-window.ts'

type ReprobeParts = Pick<Parts, 'transaction' | 'enqueuePlan' | 'enqueueReprobe'>

const reprobeDeadlineMs = 10 * 60_000
/** The pause while the previous reprobe runs. */
const retryMs = 5_000

/**
 * Probes the exposure of an ended window by an audit of its rules and targets, and queues the next reprobe, which finds the
 * proof or probes again. A job that is delivered twice makes one audit: each reprobe has its number.
 */
export async function reprobeWindow(parts: ReprobeParts, job: ReprobeJob, now: Date): Promise<void> {
  await parts.transaction(async (tx, database) => {
    const window = await tx.windows.lock(job.windowId)
    const time = window && windowTime(window)
    if (!window || !time || window.reprobes !== job.reprobe) return
    if (now < time.until) return parts.enqueueReprobe(database, job, time.until)
    if (window.reprobeAuditId) {
      const proof = await proveWindow(tx, window.reprobeAuditId)
      if (proof === undefined) return parts.enqueueReprobe(database, job, new Date(now.getTime() + retryMs))
      if (settles(proof)) return
    }
    const auditId = await createReprobe(tx, window)
    if (auditId === undefined) return publishOutOfScope(tx, window)
    await parts.enqueuePlan(database, auditId)
    const next = { windowId: window.id, reprobe: job.reprobe + 1 }
    await parts.enqueueReprobe(database, next, new Date(now.getTime() + reprobePauseMs(next.reprobe)))
  })
}

/** Creates the audit of a window's rules and targets; undefined where none of them is left. */
async function createReprobe(tx: Stores, window: StoredWindow): Promise<string | undefined> {
  const policy = await tx.policies.find(window.policy)
  const rules = window.rules.filter((id) => policy?.document.rules.some((rule) => rule.id === id))
  const targetIds = await tx.windows.targetIds(window.id)
  if (!policy || rules.length === 0 || targetIds.length === 0) return undefined
  const { at, ids } = await tx.audits.newIds(1)
  const id = required(ids[0], 'the id of a reprobe')
  await tx.within(window.targetScope).audits.create({
    id,
    policyId: policy.id,
    targetIds,
    rules,
    vantages: [],
    params: window.params,
    trigger: reprobeTrigger(window.id),
    requestedBy: window.requestedBy,
    reason: `${window.ticket}: the window has ended`,
    deadlineAt: new Date(at.getTime() + reprobeDeadlineMs),
  })
  await tx.windows.noteReprobe(window.id, id)
  tx.ledger.record({ actor: 'system', action: 'window.reprobe', subject: window.id, payload: { audit: id } })
  return id
}
