import { isJudgeable } from '../policy/judgeable.ts'
import type { ResolvedExpectation, ResolvedRule } from '../policy/policy.ts'
import type { PortItem } from '../policy/port-set.ts'
import { anyProtocols, type ProtocolName } from '../protocols/index.ts'
import { countedOf } from './counted-addresses.ts'
import { isSilent } from './host-response.ts'
import { judgePorts } from './judge-ports.ts'
import type { AddressResult, Observation } from './observation.ts'
import { type ReasonCode, reasons } from './reasons.ts'
import type { State } from './state.ts'

/** Results of XCCDF (NISTIR 7275r4, table 26). */
export const results = ['pass', 'fail', 'unknown', 'error', 'notapplicable', 'notchecked'] as const
export type Result = (typeof results)[number]

export interface Judgement {
  result: Result
  state: State
  reason: ReasonCode
}

interface JudgeContext {
  /** Whether a window was open at the time of observation. */
  windowOpen: boolean
}

/**
 * Judges one observation against one rule. Pure: the same input gives the same judgement, today and in ten years.
 * A host with several addresses is judged on all of them that count: the worst one decides.
 */
export function judge(rule: ResolvedRule, seen: Observation, context: JudgeContext): Judgement {
  const expect = (context.windowOpen && rule.insideWindow?.expect) || rule.expect
  const counted = countedOf(seen.addressResults, rule.families)
  if (counted.length === 0) return { result: 'unknown', state: 'unresolved', reason: 'no-address-of-family' }
  const claim = { probe: rule.probe, ports: rule.ports, expect, isSupported: isJudgeable(rule, expect) }
  const judgements = counted.map((addressResult) => judgeAddress(claim, addressResult, Date.parse(seen.observedAt)))
  const worst = worstOf(judgements)
  const isPartial = rule.families === undefined && counted.length < seen.addressResults.length
  return isPartial && worst.reason === 'as-expected' ? { ...worst, reason: 'addresses-left-out' } : worst
}

/** The gravest of several judgements, of equal ones the first. */
export const worstOf = (judgements: readonly Judgement[]): Judgement =>
  judgements.reduce((worst, next) => (gravityOf(next) > gravityOf(worst) ? next : worst))

// A violation at one address outweighs a doubt about another, and a doubt outweighs a pass.
const gravity: Record<Result, number> = { fail: 5, error: 4, unknown: 3, pass: 2, notchecked: 1, notapplicable: 0 }
/** Of two passes the one that proves less decides. */
const doubt: { readonly [Code in ReasonCode]?: number } = { 'silence-accepted': 0.5, 'addresses-left-out': 0.25 }
const gravityOf = ({ result, reason }: Judgement) => gravity[result] + (doubt[reason] ?? 0)

interface Claim {
  probe: ProtocolName
  ports: readonly PortItem[] | undefined
  expect: ResolvedExpectation
  isSupported: boolean
}

function judgeAddress(claim: Claim, addressResult: AddressResult, observedAt: number): Judgement {
  const { state, reason } = addressResult
  const { about } = reasons[reason]
  if (about === 'setup') return { result: 'error', state, reason }
  // A newer version may have stored the policy: a demand that is not judged must never pass.
  if (!claim.isSupported) return { result: 'error', state, reason: 'expectation-not-supported' }
  const { ports } = claim
  if (ports && state !== 'unresolved')
    return judgePorts({ ports, expect: claim.expect }, addressResult as AddressResult<'tcp'>)
  if (about === 'us' || state === 'unknown' || state === 'unresolved') return { result: 'unknown', state, reason }

  const allowed = claim.expect.state ?? ['open']
  // An absent host proves that the port is not open, and neither that it is closed nor that a filter closes it.
  const closedIsAllowed = allowed.includes('closed') || allowed.includes('filtered')
  if (state === 'unreachable' && closedIsAllowed && !allowed.includes(state))
    return { result: 'unknown', state, reason }
  if (!allowed.includes(state)) return { result: 'fail', state, reason: state === 'open' ? 'unexpected-state' : reason }
  if (isSilent(addressResult) && addressResult.hostAnswered !== true) return judgeSilence(claim.expect, addressResult)
  if (state !== 'open') return { result: 'pass', state, reason: 'as-expected' }

  const violation = firstViolation(claim, addressResult, observedAt)
  if (!violation) return { result: 'pass', state, reason: 'as-expected' }
  const decisive = violation === 'facts-missing' ? whyMissing(addressResult) : violation
  return { result: reasons[decisive].undecided ? 'unknown' : 'fail', state, reason: decisive }
}

/** Silence that a rule allows, of a host that was not seen to respond: it may be absent. */
function judgeSilence(expect: ResolvedExpectation, { state, hostAnswered }: AddressResult): Judgement {
  if (!expect.hostAnswered)
    return { result: 'pass', state, reason: hostAnswered === false ? 'silence-accepted' : 'as-expected' }
  return { result: 'unknown', state, reason: hostAnswered === false ? 'host-silent' : 'facts-missing' }
}

function whyMissing({ reason, facts }: AddressResult): ReasonCode {
  if ('omitted' in facts && facts.omitted !== undefined) return 'response-too-large'
  return reasons[reason].undecided ? reason : 'facts-missing'
}

function firstViolation({ probe, expect }: Claim, addressResult: AddressResult, observedAt: number) {
  const { state, reason, facts } = addressResult
  const { expects } = anyProtocols[probe]
  // In descriptor order, so that documents decide nothing.
  for (const [name, group] of Object.entries(expects)) {
    const demand = expect[name as keyof typeof expect]
    if (demand === undefined) continue
    // The loader and the probe match demand and facts.
    const violation = group.violation(demand as never, { state, reason, facts: facts as never, observedAt })
    if (violation !== undefined) return violation as ReasonCode
  }
  return undefined
}
