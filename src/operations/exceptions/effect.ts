import { permissionAt } from '../../domain/exceptions/active-exception.ts'
import { type Accepted, type Standing, standingWith } from '../../domain/exceptions/effect.ts'
import { observationOf } from '../../domain/findings/evidence.ts'
import { judge } from '../../domain/findings/judge.ts'
import type { State } from '../../domain/findings/state.ts'
import { noCounts } from '../../domain/findings/verdict.ts'
import { statesOf } from '../../domain/flows/edges.ts'
import { createRules } from '../../domain/policy/expected.ts'
import type { PolicyDocument, PolicyRule, ResolvedRule } from '../../domain/policy/policy.ts'
import { portsOf } from '../../domain/policy/port-set.ts'
import { createPace } from '../../runtime/pace.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { KnownSeries } from '../../store/history/spans.ts'
import type { StoredTarget } from '../../store/inventory/targets.ts'
import type { Selection } from '../../store/query/selection.ts'
import type { TargetScope } from '../../store/query/target-scope.ts'
import { checkSelection } from '../audits/select-targets.ts'
import { knowsWindows } from './request-window.ts'

/** A window or waiver, or the draft of one. */
export interface ExceptionDraft {
  kind: 'window' | 'waiver'
  policy: string
  rules: readonly string[]
  targets: Selection
  /** Parameters of the audits of a window. */
  params?: Readonly<Record<string, unknown>> | undefined
}
interface StoredException extends ExceptionDraft {
  id: string
  targetScope: TargetScope
}

/** The same with its targets. `id`: of a waiver that may be in force, whose effect is what would be without it. */
interface EffectRequest extends Omit<ExceptionDraft, 'targets'> {
  id?: string
  targets: readonly StoredTarget[]
}

/** A rule as it is for the targets. */
interface RuleInEffect extends Pick<PolicyRule, 'id' | 'title' | 'severity' | 'direction' | 'probe' | 'from'> {
  /** Distinct ones, ascending. */
  ports: number[]
  /** To how many targets it applies. */
  targets: number
  /** The states that it allows inside a window; null where it has no expectation for one. */
  inside: State[] | null
}

interface ChangedFinding extends Pick<KnownSeries, 'fingerprint' | 'rule' | 'vantage'> {
  target: string
  before: Accepted
  after: Accepted
}

/** What a window or waiver changes, by what is known now. */
export interface Effect {
  at: string
  /** `names` and `items` hold no more than the limit. */
  targets: { count: number; names: string[] }
  rules: RuleInEffect[]
  findings: { count: number; changed: number; items: ChangedFinding[] }
  /** The whole policy without and with it. */
  before: Standing
  after: Standing
}

interface EffectOptions {
  now: Date
  /** The most targets, and findings, that are listed. */
  limit: number
}

/** The effect of a draft. Throws RefusedError for a policy, rules or targets that are not there, and rules that know no windows. */
export async function findDraftEffect(stores: Stores, draft: ExceptionDraft, options: EffectOptions): Promise<Effect> {
  await checkSelection(stores, draft, draft.kind === 'window' ? knowsWindows : undefined)
  return findEffect(stores, { ...draft, targets: await stores.targets.select(draft.targets) }, options)
}

/** The effect of a window or waiver on what is left of its rules and targets. */
export async function findStoredEffect(
  stores: Stores,
  stored: StoredException,
  options: EffectOptions,
): Promise<Effect> {
  const targets = await stores.within(stored.targetScope).targets.select(stored.targets)
  return findEffect(stores, { ...stored, targets }, options)
}

/** Judges the stored facts of rules and targets without and with a window or waiver; sends no packet. */
async function findEffect(stores: Stores, request: EffectRequest, { now, limit }: EffectOptions): Promise<Effect> {
  const { policy, rules, targets, params = {} } = request
  const document = (await stores.policies.find(policy))?.document
  const ruleFor = document ? createRules(document) : () => undefined
  const byId = new Map(targets.map((target) => [target.id, target]))
  const series = await stores.history.newest([...byId.keys()], { policy, rules: [...rules] })
  const acceptedBy = await loadAccepting(stores, request, now)
  const seen: { one: KnownSeries; now: Accepted; before: Accepted; after: Accepted }[] = []
  const pause = createPace()
  for (const one of series) {
    const target = byId.get(one.targetId)
    if (!target) continue
    const rule = ruleFor(one.rule, { params: target.params, auditParams: params })
    seen.push({ one, ...acceptedBy(one, judgeBoth(one, { rule, target, now })) })
    await pause()
  }
  const whole = await standingOf(stores, policy, now)
  const changed = seen.filter(({ before, after }) => before.result !== after.result || before.waived !== after.waived)
  const items = changed.map(({ one: { fingerprint, targetId, rule, vantage }, before, after }) => {
    return { fingerprint, target: byId.get(targetId)?.name ?? '', rule, vantage, before, after }
  })
  const names = targets.map(({ name }) => name).sort()
  return {
    at: now.toISOString(),
    targets: { count: targets.length, names: names.slice(0, limit) },
    rules: describeRules(document, request, ruleFor),
    findings: { count: seen.length, changed: items.length, items: items.sort(byName).slice(0, limit) },
    before: standingWith(
      whole,
      seen.map((finding) => ({ from: finding.now, to: finding.before })),
    ),
    after: standingWith(
      whole,
      seen.map((finding) => ({ from: finding.now, to: finding.after })),
    ),
  }
}

/** The results outside of and inside a window; the stored result where the facts are not those of the rule. */
function judgeBoth(
  { evidence, result }: KnownSeries,
  { rule, target, now }: { rule: ResolvedRule | undefined; target: StoredTarget; now: Date },
) {
  const isOfRule =
    rule &&
    !rule.unlike &&
    evidence?.probe === rule.probe &&
    evidence.port === rule.port &&
    String(evidence.ports) === String(rule.ports) &&
    evidence.host === (rule.host ?? target.address)
  const observed = isOfRule && evidence ? observationOf(evidence, now) : undefined
  if (!rule || !observed) return { outside: result, inside: result }
  const judged = (windowOpen: boolean) => judge(rule, observed, { windowOpen }).result
  return { outside: judged(false), inside: judged(true) }
}

/** Returns what waivers accept now, without the request, and with it. */
async function loadAccepting(stores: Stores, { kind, id, policy, targets }: EffectRequest, now: Date) {
  const targetIds = targets.map((target) => target.id)
  const [waivers = []] =
    targetIds.length === 0 ? [] : [await stores.waivers.permissions({ policy, targetIds, from: now, until: now })]
  const others = waivers.filter((waiver) => waiver.id !== id)
  return ({ rule, targetId, result }: KnownSeries, { outside, inside }: ReturnType<typeof judgeBoth>) => {
    const about = { rule, targetId, at: now.getTime() }
    const isWaived = (some: typeof waivers) => permissionAt(some, about) !== undefined
    const accept = (judged: Accepted['result'], waived: boolean): Accepted => ({
      result: judged,
      waived: judged === 'fail' && waived,
    })
    const [withOthers, withAll] = [isWaived(others), isWaived(waivers)]
    return {
      now: accept(result, withAll),
      before: accept(kind === 'window' ? outside : result, withOthers),
      after: kind === 'window' ? accept(inside, withOthers) : accept(result, true),
    }
  }
}

async function standingOf(stores: Stores, policy: string, now: Date) {
  const groups = await stores.compliance.groups(now, { by: 'policy' }, { policy })
  const [whole] = groups
  return { counts: whole?.counts ?? { ...noCounts }, waived: whole?.waived ?? 0 }
}

function describeRules(
  document: PolicyDocument | undefined,
  { rules, targets, params = {} }: EffectRequest,
  ruleFor: (
    id: string,
    of: { params: StoredTarget['params']; auditParams: Readonly<Record<string, unknown>> },
  ) => ResolvedRule | undefined,
): RuleInEffect[] {
  const chosen = (document?.rules ?? []).filter(({ id }) => rules.includes(id))
  return chosen.map(({ id, title, severity, direction, probe, from, insideWindow }) => {
    const applied = targets.flatMap((target) => ruleFor(id, { params: target.params, auditParams: params }) ?? [])
    const ports = [...new Set(applied.flatMap(({ port, ports: set }) => (set ? portsOf(set) : [port])))].sort(
      (a, b) => a - b,
    )
    const allowed = insideWindow && statesOf(insideWindow.expect)
    return { id, title, severity, direction, probe, from, ports, targets: applied.length, inside: allowed ?? null }
  })
}

const byName = (a: ChangedFinding, b: ChangedFinding) => {
  const [left, right] = [a, b].map(({ target, rule, vantage }) => JSON.stringify([target, rule, vantage]))
  return (left ?? '') < (right ?? '') ? -1 : 1
}
