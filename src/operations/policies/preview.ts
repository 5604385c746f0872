import { type Evidence, observationOf } from '../../domain/findings/evidence.ts'
import { type Judgement, judge, type Result } from '../../domain/findings/judge.ts'
import { type PlannedCheck, planTarget } from '../../domain/findings/plan.ts'
import { type Counts, noCounts } from '../../domain/findings/verdict.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { KnownSeries } from '../../store/history/spans.ts'
import type { StoredTarget } from '../../store/inventory/targets.ts'
import { loadPermissions, type Permissions } from '../audits/load-exceptions.ts'
import { ruleResolver } from '../audits/plan.ts'

/** How a draft would judge one series. */
interface PreviewItem {
  target: string
  rule: string
  vantage: string
  /** What the policy of that name says of it now; null where it says nothing. */
  before: Result | null
  /** Null where the draft would say nothing any more. */
  after: Judgement | null
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
  const newest = await stores.history.newest(targets.map((target) => target.id))
  const known = Map.groupBy(newest, (series) => series.targetId)
  const judged = newest.map(({ targetId, since }) => ({ targetId, at: since.getTime() }))
  const permissions = await loadPermissions(stores, { policy: document.name, trigger: 'preview', judged })
  const rulesFor = ruleResolver(document, {})
  const counts = { ...noCounts }
  const items: PreviewItem[] = []
  for (const target of targets) {
    const facts = known.get(target.id) ?? []
    const current = new Map(facts.filter((one) => one.policy === document.name).map((one) => [seriesKeyOf(one), one]))
    for (const check of planTarget(target, rulesFor(target), vantages)) {
      const origin = { rule: check.kind === 'probe' ? check.rule.id : check.ruleId, vantage: check.origin.vantage }
      const own = current.get(seriesKeyOf(origin))
      const after = foresee(check, { facts, own, now, permissions })
      const before = own?.result ?? null
      current.delete(seriesKeyOf(origin))
      counts[after.result]++
      const stillSilent = before === null && after.result === 'notapplicable'
      if (after.result !== before && !stillSilent) items.push({ target: target.name, ...origin, before, after })
    }
    for (const { rule, vantage, result } of current.values())
      items.push({ target: target.name, rule, vantage, before: result, after: null })
  }
  return { counts, items }
}

interface Known {
  facts: readonly KnownSeries[]
  /** What is known of the same rule from the same vantage. */
  own: KnownSeries | undefined
  now: Date
  permissions: Permissions
}

/** Of several facts that fit, those of the rule itself come first, then the newer ones; the first that decide are taken. */
function foresee(check: PlannedCheck, { facts, own, now, permissions }: Known): Judgement {
  if (check.kind === 'settled') return { result: check.result, reason: check.reason, state: 'unknown' }
  // The facts of the other side may be of another moment: a pair is judged on one audit.
  if (check.unlike) return { result: 'unknown', reason: 'pair-incomplete', state: 'unknown' }
  const { rule, host, origin } = check
  const wanted = endpointKey(origin.vantage, { probe: rule.probe, host, port: rule.port })
  const fitting = facts.filter(({ vantage, evidence }) => evidence && endpointKey(vantage, evidence) === wanted)
  const judgements = fitting
    .toSorted((a, b) => Number(b === own) - Number(a === own) || b.since.getTime() - a.since.getTime())
    .flatMap(({ evidence, targetId, since }) => {
      const seen = evidence && observationOf(evidence, now)
      // A window that opens or ends makes another result, and so another span: what held at its beginning holds for all of it.
      const windowId = permissions.windowOf({ rule: rule.id, targetId, at: since.getTime() })
      return seen ? [judge(rule, seen, { windowOpen: windowId !== null })] : []
    })
  const decided = judgements.find(({ result }) => result === 'pass' || result === 'fail')
  return decided ?? judgements[0] ?? { result: 'unknown', state: 'unknown', reason: 'facts-missing' }
}

const endpointKey = (vantage: string, { probe, host, port }: Pick<Evidence, 'probe' | 'host' | 'port'>) =>
  JSON.stringify([vantage, probe, host, port])

const seriesKeyOf = ({ rule, vantage }: Pick<KnownSeries, 'rule' | 'vantage'>) => JSON.stringify([rule, vantage])
