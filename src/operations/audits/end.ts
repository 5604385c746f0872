import type { AuditStatus } from '../../domain/audits.ts'
import { type Verdict, verdictOf } from '../../domain/findings/verdict.ts'
import { coalesce } from '../../runtime/coalesce.ts'
import type { EndedAudit } from '../../store/audits/finish-audits.ts'
import { refusalOf } from '../../store/db/outages.ts'
import type { Stores, Transact } from '../../store/db/stores.ts'
import { publish } from '../events/publish.ts'

/** An audit to end; failed with an error. */
export interface Ending {
  id: string
  error?: string
  /** Ends it only if it still waits to be planned. */
  onlyUnplanned?: boolean
}

/** How an audit has ended. */
export interface Ended {
  trigger: string
  status: AuditStatus
  verdict: Verdict
}

/** Ends an audit once; undefined when it had ended. */
export type EndAudit = (ending: Ending) => Promise<Ended | undefined>

/**
 * Audits that end together share one transaction, so that they wait for the end of the ledger once. Two groups run at the same
 * time, so that an audit with many findings does not hold up the others.
 */
export function createAuditEnding({
  transaction,
  onEnded = () => {},
}: {
  transaction: Transact
  onEnded?: (ended: Ended) => void
}): EndAudit {
  const end = coalesce((endings: readonly Ending[]) => transaction((tx) => endAudits(tx, endings)), { concurrency: 2 })
  return async (ending) => {
    const ended = await end(ending)
    if (ended) onEnded(ended)
    return ended
  }
}

/**
 * Runs `work`, which records findings of an audit. Where the database refuses them, another try would end the same: the audit
 * has failed.
 */
export async function failIfRefused(endAudit: EndAudit, auditId: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    const state = refusalOf(cause)
    if (state === undefined) throw cause
    const error = `the database refuses its findings (SQLSTATE ${state}); the log of the worker has the cause`
    await endAudit({ id: auditId, error })
    throw new Error(`audit ${auditId} has failed: its findings cannot be stored`, { cause })
  }
}

/**
 * Ends audits in the caller's transaction: counts their findings, gives verdicts, records them in the ledger and publishes them.
 * The ledger holds a digest over the findings; nothing is recorded after the end, so it stays right until retention drops them.
 * Returns in the order of `endings`; undefined for an audit that has ended before.
 */
export async function endAudits(tx: Stores, endings: readonly Ending[]): Promise<(Ended | undefined)[]> {
  const open = await tx.audits.lockOpen(endings.map(({ id }) => id))
  const due = open.flatMap(({ id, isQueued }) => {
    return endings.find((ending) => ending.id === id && (isQueued || !ending.onlyUnplanned)) ?? []
  })
  if (due.length === 0) return endings.map(() => undefined)
  await tx.batches.discard(due.flatMap(({ id, error }) => (error === undefined ? [] : [id])))
  const summaries = await tx.audits.summarize(due.map(({ id }) => id))
  const ends = due.map(({ id, error = null }, i) => {
    const summary = summaries[i]
    if (!summary) throw new Error(`the findings of audit ${id} were not counted`)
    return { ...summary, id, error, verdict: verdictOf(summary.counts) }
  })
  const byId = new Map((await tx.audits.end(ends)).map((row) => [row.id, row]))
  const audits = ends.map((end) => {
    const row = byId.get(end.id)
    if (!row) throw new Error(`audit ${end.id} has no policy`)
    return { ...row, ...end }
  })
  for (const audit of audits) recordEnd(tx, audit)
  const awaited = audits.filter(({ isAwaited }) => isAwaited) // spares a statement where nothing is subscribed
  await publish(
    tx,
    awaited.map(({ id, hasCallback }) => ({ type: 'audit.completed', subject: id, data: { hasCallback } })),
  )
  return endings.map((ending) => {
    const audit = due.includes(ending) ? audits.find(({ id }) => id === ending.id) : undefined
    return audit && { trigger: audit.trigger, status: audit.status, verdict: audit.verdict }
  })
}

type Summarized = Awaited<ReturnType<Stores['audits']['summarize']>>[number]

function recordEnd(tx: Stores, audit: EndedAudit & Summarized & { error: string | null; verdict: Verdict }): void {
  const payload = {
    status: audit.status,
    verdict: audit.verdict,
    counts: audit.counts,
    error: audit.error,
    findings: audit.findings,
    trigger: audit.trigger,
    correlationId: audit.correlationId,
    policy: { name: audit.policy, version: audit.version, digest: audit.policyDigest },
    startedAt: audit.startedAt,
    finishedAt: audit.finishedAt,
    record: audit.record,
    unproven: unprovenOf(audit),
  }
  tx.ledger.record({ actor: audit.requestedBy, action: 'audit.finish', subject: audit.id, payload })
}

/** What this service has not written itself; undefined for nothing. The entry then says so instead of vouching for it. */
function unprovenOf({ isSealed, sealed, findings, total, error }: EndedAudit & Summarized & { error: string | null }) {
  const parts = [
    ...(isSealed.request ? [] : ['request']),
    ...(isSealed.plan ? [] : ['plan']),
    ...(sealed === findings.count ? [] : ['findings']),
    ...(findings.count === total || error !== null ? [] : ['missing-findings']),
  ]
  return parts.length > 0 ? parts : undefined
}
