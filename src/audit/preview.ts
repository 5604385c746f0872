import { type Evidence, observationOf } from '../domain/evidence.ts'
import { type Judgement, judge, type Result } from '../domain/judge.ts'
import { type PlannedCheck, planTarget } from '../domain/plan.ts'
import type { PolicyDocument } from '../domain/policy.ts'
import { type Counts, noCounts } from '../domain/verdict.ts'
import type { KnownSeries } from '../store/history.ts'
import type { Stores } from '../store/stores.ts'
import type { StoredTarget } from '../store/targets.ts'
import { ruleResolver } from './plan.ts'

/** How a draft would judge one series. */
export interface PreviewItem extends Judgement {
  target: string
  rule: string
  vantage: string
  /** What the policy of that name says of it now; null where it says nothing. */
  before: Result | null
}

export interface Preview {
  /** Of all that the draft would judge. */
  counts: Counts
  /** What would change. */
  items: PreviewItem[]
}

/**
 * Judges a draft against the newest stored facts of targets, without a packet. Facts fit where a probe of the same kind looked
 * at the same endpoint from the same vantage, for whatever rule; without such facts the result is `unknown`.
 */
export async function previewPolicy(
  stores: Stores,
  { document, targets, now }: { document: PolicyDocument; targets: readonly StoredTarget[]; now: Date },
): Promise<Preview> {
  const vantages = await stores.vantages.list()
  const known = Map.groupBy(
    await stores.history.newest(targets.map((target) => target.id)),
    (series) => series.targetId,
  )
  const rulesFor = ruleResolver(document, {})
  const counts = { ...noCounts }
  const items: PreviewItem[] = []
  for (const target of targets) {
    const series = known.get(target.id) ?? []
    const facts = new Map(
      series.flatMap((one) => (one.evidence ? [[endpointKey(one.vantage, one.evidence), one.evidence]] : [])),
    )
    for (const check of planTarget(target, rulesFor(target), vantages)) {
      const rule = check.kind === 'look' ? check.rule.id : check.ruleId
      const judgement = foresee(check, { facts, now })
      const before = currentResult(series, { policy: document.name, rule, vantage: check.place.vantage })
      counts[judgement.result]++
      if (judgement.result !== before)
        items.push({ target: target.name, rule, vantage: check.place.vantage, ...judgement, before })
    }
  }
  return { counts, items }
}

function foresee(check: PlannedCheck, { facts, now }: { facts: ReadonlyMap<string, Evidence>; now: Date }): Judgement {
  if (check.kind === 'settled') return { result: check.result, reason: check.reason, state: 'unknown' }
  const { rule, host, place } = check
  const evidence = facts.get(endpointKey(place.vantage, { probe: rule.probe, host, port: rule.port }))
  const seen = evidence && observationOf(evidence, now)
  return seen
    ? judge(rule, seen, { windowOpen: false })
    : { result: 'unknown', state: 'unknown', reason: 'facts-missing' }
}

const endpointKey = (vantage: string, { probe, host, port }: Pick<Evidence, 'probe' | 'host' | 'port'>) =>
  JSON.stringify([vantage, probe, host, port])

const currentResult = (
  series: readonly KnownSeries[],
  wanted: Pick<KnownSeries, 'policy' | 'rule' | 'vantage'>,
): Result | null =>
  series.find((one) => one.policy === wanted.policy && one.rule === wanted.rule && one.vantage === wanted.vantage)
    ?.result ?? null
