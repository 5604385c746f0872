import { type Result, results } from '../findings/judge.ts'
import { type Counts, noCounts, type Verdict, verdictOf } from '../findings/verdict.ts'
import { type ComplianceScore, scoreOf } from '../history/compliance.ts'
import { frameworks } from './control-titles.ts'
import type { PolicyRule } from './policy.ts'

/** A rule of a policy version. */
export interface ControlRule {
  policy: string
  version: number
  rule: string
  title: string
  severity: PolicyRule['severity']
  controls: readonly string[]
  /** It is in the newest version of its policy. */
  current: boolean
}

/** How many series of a rule have which result. */
export interface RuleResults {
  policy: string
  rule: string
  counts: Counts
  waived: number
  oldestObservation: string | null
  newestObservation: string | null
}

export type RuleStanding = Omit<ControlRule, 'controls' | 'current'> &
  Omit<RuleResults, 'policy' | 'rule'> &
  ComplianceScore

const untestedResults = ['notchecked', 'notapplicable', 'unknown', 'error'] as const satisfies Result[]
/** Why a part of a control is not proven: it was never audited, or the result. */
export const untestedReasons = ['never-audited', ...untestedResults] as const
type UntestedReason = (typeof untestedReasons)[number]

export interface ControlStanding extends ComplianceScore {
  framework: string
  control: string
  /** Null for an unknown control. */
  title: string | null
  /** Of what its rules test. It is `pass` only where all of that was tested, but for what does not apply. */
  verdict: Verdict
  waived: number
  rules: RuleStanding[]
  /** `count` is of series; null where there is none. */
  notTested: { policy: string; rule: string; why: UntestedReason; count: number | null }[]
}

/**
 * The controls that rules name, each with what is known of its rules: by framework and control. A rule that is in the newest
 * version of its policy is there even where nothing is known of it; one that is not, only while something is.
 */
export function controlsOf(
  rules: readonly ControlRule[],
  known: readonly RuleResults[],
  framework?: string,
): ControlStanding[] {
  const resultsOf = new Map(known.map((one) => [keyOf(one), one]))
  const named = rules
    .filter((rule) => rule.current || resultsOf.has(keyOf(rule)))
    .flatMap((rule) => [...new Set(rule.controls)].map((control) => ({ rule, control })))
    .filter(({ control }) => framework === undefined || partsOf(control)[0] === framework)
  return [...Map.groupBy(named, ({ control }) => control)]
    .sort(([a], [b]) => byNumbers.compare(a, b))
    .map(([control, of]) =>
      standingOf(
        control,
        of.map(({ rule }) => ({ rule, results: resultsOf.get(keyOf(rule)) })),
      ),
    )
}

/** The frameworks whose controls rules name. */
export const frameworksOf = (rules: readonly ControlRule[]): string[] =>
  [...new Set(rules.flatMap(({ controls }) => controls.map((control) => partsOf(control)[0])))].sort()

const byNumbers = new Intl.Collator('en', { numeric: true })
const keyOf = ({ policy, rule }: { policy: string; rule: string }) => JSON.stringify([policy, rule])
const partsOf = (control: string) => {
  const at = control.indexOf(':')
  return [control.slice(0, at), control.slice(at + 1)] as const
}

/** The short title of a control such as `PCI-DSS-4.0.1:1.2.5`; null for an unknown one. */
export function titleOfControl(text: string): string | null {
  const [framework, control] = partsOf(text)
  return frameworks[framework]?.controls[control] ?? null
}

function standingOf(
  text: string,
  of: readonly { rule: ControlRule; results: RuleResults | undefined }[],
): ControlStanding {
  const [framework, control] = partsOf(text)
  const sum = (pick: (one: RuleResults) => number) =>
    of.reduce((total, one) => total + (one.results ? pick(one.results) : 0), 0)
  const counts = Object.fromEntries(results.map((result) => [result, sum((one) => one.counts[result])])) as Counts
  const waived = sum((one) => one.waived)
  const notTested = of.flatMap(({ rule, results: found }) => untestedOf(rule, found))
  const proven = notTested.every(({ why }) => why === 'notapplicable')
  const verdict = verdictOf({ ...counts, waived })
  return {
    framework,
    control,
    title: titleOfControl(text),
    verdict: verdict === 'pass' && !proven ? 'inconclusive' : verdict,
    ...scoreOf(counts),
    waived,
    rules: of.map(({ rule, results: found }) => ruleStanding(rule, found)),
    notTested,
  }
}

function ruleStanding(
  { controls: _, current: __, ...rule }: ControlRule,
  found: RuleResults | undefined,
): RuleStanding {
  return {
    ...rule,
    ...scoreOf(found?.counts ?? noCounts),
    waived: found?.waived ?? 0,
    oldestObservation: found?.oldestObservation ?? null,
    newestObservation: found?.newestObservation ?? null,
  }
}

function untestedOf({ policy, rule }: ControlRule, found: RuleResults | undefined): ControlStanding['notTested'] {
  if (!found) return [{ policy, rule, why: 'never-audited', count: null }]
  return untestedResults
    .filter((why) => found.counts[why] > 0)
    .map((why) => ({ policy, rule, why, count: found.counts[why] }))
}
