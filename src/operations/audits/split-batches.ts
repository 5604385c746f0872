import type { ResolvedRule } from '../../domain/policy/policy.ts'
import type { BatchCheck, NewBatch } from '../../store/audits/batches.ts'
import { credentialOf } from './deduplicate-checks.ts'
import type { PlannedProbe } from './plan-paired.ts'

/** Enough for a worker to have its sockets busy while silent hosts make it wait; few enough to lose when a worker dies. */
export const checksPerBatch = 500

export type BatchDraft = Omit<NewBatch, 'auditId'>

/**
 * Splits the checks of each vantage into batches. Checks with one credential share a batch, which stops at a refusal. Checks of
 * one target that follow each other share a batch, so that its silent ports need no further connections.
 */
export function splitIntoBatches(probes: readonly PlannedProbe[]): BatchDraft[] {
  const groups = Map.groupBy(probes, ({ origin, rule }) => `${origin.vantage} ${credentialOf(rule) ?? ''}`)
  return [...groups.values()].flatMap((checks) => {
    const [first] = checks
    if (!first) return []
    const parts = credentialOf(first.rule) === undefined ? splitBetweenTargets(checks) : [checks]
    return parts.map((part) => ({ vantage: first.origin.vantage, vantageId: first.vantageId, ...compact(part) }))
  })
}

/** A target with more checks than a batch is split. */
function splitBetweenTargets(checks: readonly PlannedProbe[]): PlannedProbe[][] {
  const parts: PlannedProbe[][] = []
  for (let from = 0; from < checks.length; from += parts.at(-1)?.length ?? 0) {
    const full = Math.min(from + checksPerBatch, checks.length)
    let end = full
    while (end < checks.length && end > from && checks[end]?.targetId === checks[end - 1]?.targetId) end -= 1
    parts.push(checks.slice(from, end > from ? end : full))
  }
  return parts
}

function compact(probes: readonly PlannedProbe[]): { rules: ResolvedRule[]; checks: BatchCheck[] } {
  const indexes = new Map<ResolvedRule, number>()
  const checks = probes.map(({ targetId, seriesId, rule, host, origin, unlike, side }): BatchCheck => {
    const index = indexes.get(rule) ?? indexes.size
    indexes.set(rule, index)
    const check = { targetId, seriesId, rule: index, host, indirect: origin.indirect }
    return unlike ? { ...check, side: side ?? 'one' } : check
  })
  return { rules: [...indexes.keys()], checks }
}
