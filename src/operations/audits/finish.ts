import { evidenceOf } from '../../domain/findings/evidence.ts'
import { judgePair } from '../../domain/findings/paired-rule.ts'
import { required } from '../../runtime/required.ts'
import type { DuePairs, Pair } from '../../store/audits/paired-observations.ts'
import type { NewFinding } from '../../store/audits/record-findings.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Parts } from '../context.ts'
import { isReprobe, proveWindow } from '../exceptions/prove-window.ts'
import { loadPermissions } from './load-exceptions.ts'
import { recordUnbatched } from './record-unbatched.ts'

export type FinishParts = Pick<Parts, 'stores' | 'transaction' | 'endAudit' | 'now'>

/**
 * Ends an audit of which every batch is recorded. Its paired findings are made now, from the observations of both sides; a
 * missing side makes them `unknown`. Doing it again changes nothing.
 */
export async function finishAudit(parts: FinishParts, auditId: string): Promise<void> {
  const { stores, transaction, endAudit } = parts
  const due = await stores.pairs.due(auditId)
  const findings = due ? await waive(stores, due, { auditId, now: parts.now() }) : []
  await recordUnbatched(stores, { auditId, isUnproven: due?.isSealed === false }, findings)
  const ended = await endAudit({ id: auditId })
  if (ended && isReprobe(ended.trigger)) await transaction((tx) => proveWindow(tx, auditId))
  if (due) await stores.pairs.forget(auditId)
}

/** Makes the paired findings, with their waivers. */
async function waive(
  stores: Stores,
  due: DuePairs,
  { auditId, now }: { auditId: string; now: Date },
): Promise<NewFinding[]> {
  const made = due.pairs.map((pair) => ({
    finding: pairedFinding(pair, due, now),
    rule: required(due.rules[pair.rule], `rule ${pair.rule} of a pair`).id,
  }))
  const judged = made.map(({ finding, rule }) => ({
    rule,
    targetId: finding.targetId,
    at: finding.observedAt.getTime(),
  }))
  const { policy, trigger } = required(await stores.audits.find(auditId), `audit ${auditId}`)
  const permissions = await loadPermissions(stores, { policy: policy.name, trigger, judged })
  return made.map(({ finding }, i) => ({
    ...finding,
    waiverId: permissions.waiverOf(required(judged[i], `judged pair ${i}`), finding),
  }))
}

function pairedFinding(pair: Pair, { rules, observationFor }: DuePairs, now: Date): NewFinding {
  const rule = rules[pair.rule]
  if (!rule) throw new Error(`the pair of series ${pair.seriesId} names a rule that its audit does not hold`)
  const check = { targetId: pair.targetId, rule: rule.id }
  const seen = observationFor({ ...check, vantageId: pair.vantageId, side: 'one' })
  const others = pair.others.map(({ vantage, vantageId }) => ({
    vantage,
    seen: vantageId === null ? undefined : observationFor({ ...check, vantageId, side: 'other' }),
  }))
  const all = [seen, ...others.map((other) => other.seen)].filter((observation) => observation !== undefined)
  const unlike = Object.fromEntries(
    others.flatMap((other) => (other.seen ? [[other.vantage, evidenceOf(other.seen).addresses]] : [])),
  )
  const addressResults = all.flatMap((observation) => observation.addressResults)
  return {
    ...judgePair(rule, { seen, others: others.map((other) => other.seen) }),
    targetId: pair.targetId,
    seriesId: pair.seriesId,
    observedAt: all.length === 0 ? now : new Date(Math.max(...all.map(({ observedAt }) => Date.parse(observedAt)))),
    latencyMs: seen?.addressResults[0].latencyMs ?? null,
    attempts: addressResults.reduce((sum, addressResult) => sum + addressResult.attempts, 0),
    indirect: false,
    evidence: seen ? { ...evidenceOf(seen), unlike } : null,
  }
}

/** Ends an audit that is recorded completely, where the process that recorded the last batch died before it did so. */
export async function finishIfRecorded(parts: FinishParts, auditId: string): Promise<void> {
  if (await parts.stores.audits.isRecorded(auditId)) await finishAudit(parts, auditId)
}
