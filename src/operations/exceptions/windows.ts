import { v7 as newUuid } from 'uuid'
import { ConflictError, ForbiddenError, RefusedError } from '../../domain/errors.ts'
import {
  checkWindow,
  type Proof,
  proofOf,
  type ReprobeJob,
  reprobePauseMs,
  settles,
  windowState,
  windowTime,
} from '../../domain/exceptions/windows.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { NewWindow, StoredWindow } from '../../store/exceptions/windows.ts'
import { checkSelection } from '../audits/select-targets.ts'
import type { Parts } from '../context.ts'
import { publish } from '../events/publish.ts'

type WindowParts = Pick<Parts, 'transaction' | 'enqueuePlan' | 'enqueueReprobe'>

/** Writes a window that is asked for, in the caller's transaction. Throws RefusedError with what is wrong with it. */
export async function requestWindow(stores: Stores, window: NewWindow, now: Date): Promise<void> {
  const issues = checkWindow(window, now)
  if (issues.length > 0) throw new RefusedError(issues)
  const targetIds = await checkSelection(stores, window, (rule) =>
    rule.insideWindow ? undefined : `rule ${rule.id} expects nothing else inside a window`,
  )
  const overlap = await stores.windows.findOverlap(window, targetIds)
  if (overlap !== undefined) {
    const message = `overlaps window ${overlap}, which is for one of these rules and targets at the same time`
    throw new RefusedError([{ pointer: '/from', message }])
  }
  await stores.windows.create(window)
  const { id, requestedBy, ...asked } = window
  stores.ledger.record({ actor: requestedBy, action: 'window.request', subject: id, payload: asked })
}

/** Approves a window; the look that proves its door shut is queued for its end with it. False where there is no such window. */
export async function approveWindow(
  { transaction, enqueueReprobe }: WindowParts,
  { id, keyId, now }: { id: string; keyId: string; now: Date },
): Promise<boolean> {
  return transaction(async (stores, tx) => {
    const window = await stores.windows.lock(id)
    if (!window) return false
    if (window.requestedBy === keyId && !(await allowsSelfApproval(stores, window)))
      throw new ForbiddenError('who asks for a window cannot approve it: another key must')
    const state = windowState(window, now)
    if (state !== 'requested') throw new ConflictError(`the window is ${state}: only one that waits can be approved`)
    await stores.windows.approve(id, keyId, now)
    stores.ledger.record({ actor: keyId, action: 'window.approve', subject: id, payload: {} })
    await enqueueReprobe(tx, { windowId: id, reprobe: 0 }, window.to)
    return true
  })
}

const allowsSelfApproval = async (stores: Stores, { policy }: StoredWindow) =>
  (await stores.policies.find(policy))?.document.windows?.selfApproval === true

/** Ends a window early; if it was open, its door is looked at now. False where there is no such window. */
export async function cancelWindow(
  { transaction, enqueueReprobe }: WindowParts,
  { id, keyId, now }: { id: string; keyId: string; now: Date },
): Promise<boolean> {
  return transaction(async (stores, tx) => {
    const window = await stores.windows.lock(id)
    if (!window) return false
    const state = windowState(window, now)
    if (state !== 'requested' && state !== 'approved' && state !== 'open')
      throw new ConflictError(`the window is ${state} already`)
    await stores.windows.cancel(id, keyId, now)
    stores.ledger.record({ actor: keyId, action: 'window.cancel', subject: id, payload: {} })
    if (state === 'open') await enqueueReprobe(tx, { windowId: id, reprobe: 0 }, now)
    return true
  })
}

/** An audit that looks at a door has so long; and so long is waited for it when it takes longer than the pause. */
const reprobeDeadlineMs = 10 * 60_000
const patienceMs = 5_000

/**
 * Looks whether the door of a window is shut, by an audit of its rules and targets; and queues the next look with it, which
 * finds the proof, or looks again. Doing it twice makes one audit: each look has its number.
 */
export async function reprobeWindow(parts: WindowParts, job: ReprobeJob, now: Date): Promise<void> {
  await parts.transaction(async (stores, tx) => {
    const window = await stores.windows.lock(job.windowId)
    const time = window && windowTime(window)
    if (!window || !time || window.reprobes !== job.reprobe) return
    if (now < time.until) return parts.enqueueReprobe(tx, job, time.until)
    if (window.reprobeAuditId) {
      const proof = await proveWindow(stores, window.reprobeAuditId)
      if (proof === undefined) return parts.enqueueReprobe(tx, job, new Date(now.getTime() + patienceMs))
      if (settles(proof)) return
    }
    const auditId = await createReprobe(stores, window, now)
    if (auditId === undefined) return
    await parts.enqueuePlan(tx, auditId)
    const next = { windowId: window.id, reprobe: job.reprobe + 1 }
    await parts.enqueueReprobe(tx, next, new Date(now.getTime() + reprobePauseMs(next.reprobe)))
  })
}

/** Makes the audit of a window's rules and targets; undefined where nothing of them is left. */
async function createReprobe(stores: Stores, window: StoredWindow, now: Date): Promise<string | undefined> {
  const policy = await stores.policies.find(window.policy)
  const rules = window.rules.filter((id) => policy?.document.rules.some((rule) => rule.id === id))
  const targetIds = await stores.windows.targetIds(window.id)
  if (!policy || rules.length === 0 || targetIds.length === 0) return undefined
  const id = newUuid()
  await stores.within(window.targetScope).audits.create({
    id,
    policyId: policy.id,
    targetIds,
    rules,
    vantages: [],
    params: window.params,
    trigger: reprobeTrigger(window.id),
    requestedBy: window.requestedBy,
    reason: `${window.ticket}: the window has ended`,
    deadlineAt: new Date(now.getTime() + reprobeDeadlineMs),
  })
  await stores.windows.noteReprobe(window.id, id)
  return id
}

/**
 * Notes what an audit has shown of the doors of the window that it was made for: called at its end, and once more before the
 * next look, where whoever ended it died in between. Undefined where it has not ended.
 */
export async function proveWindow(tx: Stores, auditId: string): Promise<Proof | undefined> {
  const seen = await tx.windows.exposuresSeen(auditId)
  if (!seen) return undefined
  const proof = proofOf(seen)
  const window = await tx.windows.noteProof({ ...seen, auditId, proof })
  if (window) await publishProof(tx, window, { auditId, proof })
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

/** The trigger of the audits that look whether the door of a window is shut. */
export const reprobeTrigger = (windowId: string): string => `window:${windowId}`
export const isReprobe = (trigger: string): boolean => trigger.startsWith(reprobeTrigger(''))
