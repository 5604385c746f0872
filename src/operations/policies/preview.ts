import { RefusedError } from '../../domain/errors.ts'
import { type Evidence, observationOf } from '../../domain/findings/evidence.ts'
import { type Judgement, judge, type Result } from '../../domain/findings/judge.ts'
import { type PlannedCheck, planTarget } from '../../domain/findings/plan.ts'
import { type Counts, noCounts } from '../../domain/findings/verdict.ts'
import { resolveParameters, resolveRule } from '../../domain/policy/parameters.ts'
import type { PolicyDocument, ResolvedRule } from '../../domain/policy/policy.ts'
import { observesFor } from '../../domain/policy/probe-options.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { KnownSeries } from '../../store/history/spans.ts'
import type { StoredTarget } from '../../store/inventory/targets.ts'
import type { Selection } from '../../store/query/selection.ts'
import { loadPermissions, type Permissions } from '../audits/load-exceptions.ts'
import { ruleResolver } from '../audits/plan.ts'
import { findTargets } from '../audits/select-targets.ts'

/** How a draft judges one series. */
interface PreviewItem {
  target: string
  rule: string
  vantage: string
  /** The present result of that policy, if any. */
  before: Result | null
  /** Null where the draft has no such series. */
  after: Judgement | null
}

export interface Preview {
  /** Of all series that the draft has. */
  counts: Counts
  /** How many series change from one result to another, most first. */
  changes: Transition[]
  /** The series whose result changes, by target; no more than the limit. */
  items: PreviewItem[]
}

/** Null: the series is new, or the draft does not have it. */
interface Transition {
  before: Result | null
  after: Result | null
  count: number
}

interface Request {
  document: PolicyDocument
  targets: Selection
  now: Date
  /** The most items. */
  limit: number
}

/**
 * Judges a draft against the newest stored facts of targets, and says what changes; sends no packet.
 * Throws RefusedError for missing targets, and for targets whose parameters do not fit the draft.
 */
export async function previewPolicy(
  stores: Stores,
  { document, targets: selection, now, limit }: Request,
): Promise<Preview> {
  const targets = await findDraftTargets(stores, selection)
  const counts = { ...noCounts }
  const items: PreviewItem[] = []
  const changes = new Map<string, Transition>()
  for await (const item of judgeDraft(stores, { document, targets, now })) {
    const [before, after] = [item.before, item.after?.result ?? null]
    if (after !== null) counts[after]++
    const isNothingNew = before === null && after === 'notapplicable'
    if (after === before || isNothingNew) continue
    const change = changes.get(`${before} ${after}`) ?? { before, after, count: 0 }
    changes.set(`${before} ${after}`, { ...change, count: change.count + 1 })
    if (items.length < limit) items.push(item)
  }
  return { counts, changes: [...changes.values()].toSorted((a, b) => b.count - a.count), items }
}

/** The targets of a draft; throws RefusedError for references that stand for none or several. */
export const findDraftTargets = async (stores: Stores, selection: Selection): Promise<StoredTarget[]> =>
  Array.isArray(selection) ? findTargets(stores, selection) : stores.targets.select(selection)

/**
 * How a draft judges every series of targets. Without fitting facts the result is `unknown`: those of the same endpoint and vantage, for
 * a rule with the same probe options. Throws RefusedError for targets whose parameters do not fit the draft.
 */
export async function* judgeDraft(
  stores: Stores,
  { document, targets, now }: Pick<Request, 'document' | 'now'> & { targets: readonly StoredTarget[] },
): AsyncGenerator<PreviewItem, void, undefined> {
  checkParameters(document, targets)
  const vantages = await stores.vantages.list()
  const newest = await stores.history.newest(targets.map((target) => target.id))
  const known = Map.groupBy(newest, (series) => series.targetId)
  const judged = newest.map(({ targetId, since }) => ({ targetId, at: since.getTime() }))
  const permissions = await loadPermissions(stores, { policy: document.name, trigger: 'preview', judged })
  const rulesFor = ruleResolver(document, {})
  const observing = await observingRules(stores, newest)
  for (const target of targets) {
    const facts = (known.get(target.id) ?? []).map((one) => ({ ...one, observedFor: observing(target, one) }))
    const current = new Map(facts.filter((one) => one.policy === document.name).map((one) => [seriesKeyOf(one), one]))
    for (const check of planTarget(target, rulesFor(target), vantages)) {
      const origin = { rule: check.kind === 'probe' ? check.rule.id : check.ruleId, vantage: check.origin.vantage }
      const own = current.get(seriesKeyOf(origin))
      const after = judgeStored(check, { facts, own, now, permissions })
      current.delete(seriesKeyOf(origin))
      yield { target: target.name, ...origin, before: own?.result ?? null, after }
    }
    for (const { rule, vantage, result } of current.values())
      yield { target: target.name, rule, vantage, before: result, after: null }
  }
}

/**
 * Returns the rule for which a series was observed, by the present version of its policy and parameters of its target; undefined
 * where it is gone or does not apply any more.
 */
async function observingRules(stores: Stores, observed: readonly KnownSeries[]) {
  const names = [...new Set(observed.map(({ policy }) => policy))]
  const policies = await Promise.all(names.map((name) => stores.policies.find(name)))
  const byName = new Map(policies.flatMap((one) => (one ? [[one.document.name, one.document] as const] : [])))
  const resolved = new Map<string, ResolvedRule | undefined>() // most targets have no parameters of their own
  const resolve = (params: StoredTarget['params'], { policy, rule: id }: KnownSeries): ResolvedRule | undefined => {
    const document = byName.get(policy)
    const rule = document?.rules.find((one) => one.id === id)
    const parameters = document && resolveParameters(document, { target: params })
    if (!rule || !parameters || 'errors' in parameters) return undefined
    const one = resolveRule(rule, parameters.values)
    return one === 'notapplicable' ? undefined : one
  }
  return ({ params }: StoredTarget, series: KnownSeries): ResolvedRule | undefined => {
    const key = JSON.stringify([series.policy, series.rule, params])
    if (!resolved.has(key)) resolved.set(key, resolve(params, series))
    return resolved.get(key)
  }
}

/** Throws RefusedError where a parameter of a target does not fit the draft. */
function checkParameters(document: PolicyDocument, targets: readonly StoredTarget[]): void {
  const issues = targets.flatMap((target) => {
    const resolved = resolveParameters(document, { target: target.params })
    if (!('errors' in resolved)) return []
    return resolved.errors.map(({ parameter, message }) => ({
      pointer: '/targets',
      message: `target ${target.name}: ${parameter} ${message}`,
    }))
  })
  if (issues.length > 0) throw new RefusedError(issues)
}

type ObservedSeries = KnownSeries & { observedFor: ResolvedRule | undefined }

interface Known {
  facts: readonly ObservedSeries[]
  /** The series of the same rule and vantage. */
  own: ObservedSeries | undefined
  now: Date
  permissions: Permissions
}

/** Of fitting facts those of the rule itself come first, then the newest; the first that decide a result win. */
function judgeStored(check: PlannedCheck, { facts, own, now, permissions }: Known): Judgement {
  if (check.kind === 'settled') return { result: check.result, reason: check.reason, state: 'unknown' }
  // The sides of a pair must come from one audit.
  if (check.unlike) return { result: 'unknown', reason: 'pair-incomplete', state: 'unknown' }
  const { rule, host, origin } = check
  const wanted = endpointKey(origin.vantage, {
    probe: rule.probe,
    host,
    port: rule.port,
    ...(rule.ports && { ports: rule.ports.map(String) }),
  })
  const fitting = facts.filter(
    ({ vantage, evidence, observedFor }) =>
      evidence && observedFor && endpointKey(vantage, evidence) === wanted && observesFor(observedFor, rule),
  )
  const judgements = fitting
    .toSorted((a, b) => Number(b === own) - Number(a === own) || b.since.getTime() - a.since.getTime())
    .flatMap(({ evidence, targetId, since }) => {
      const seen = evidence && observationOf(evidence, now)
      // A window that opens or ends starts a new span, so its state at the start of a span holds for the whole span.
      const windowId = permissions.windowOf({ rule: rule.id, targetId, at: since.getTime() })
      return seen ? [judge(rule, seen, { windowOpen: windowId !== null })] : []
    })
  const decided = judgements.find(({ result }) => result === 'pass' || result === 'fail')
  return decided ?? judgements[0] ?? { result: 'unknown', state: 'unknown', reason: 'facts-missing' }
}

const endpointKey = (
  vantage: string,
  { probe, host, port, ports }: Pick<Evidence, 'probe' | 'host' | 'port' | 'ports'>,
) => JSON.stringify([vantage, probe, host, port, ports])

const seriesKeyOf = ({ rule, vantage }: Pick<KnownSeries, 'rule' | 'vantage'>) => JSON.stringify([rule, vantage])
