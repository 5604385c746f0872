import type { ResolvedExpectation, ResolvedRule } from '../policy/policy.ts'
import { anyProtocols, findProtocol, type ProtocolName } from '../protocols/index.ts'
import { isSilent } from './host-response.ts'
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
 * A host with several addresses is judged on all of them: the worst one decides.
 */
export function judge(rule: ResolvedRule, seen: Observation, context: JudgeContext): Judgement {
  const expect = (context.windowOpen && rule.insideWindow?.expect) || rule.expect
  const judgements = seen.addressResults.map((addressResult) =>
    judgeAddress({ probe: rule.probe, expect }, addressResult, Date.parse(seen.observedAt)),
  )
  return worstOf(judgements)
}

/** The gravest of several judgements, of equal ones the first. */
export const worstOf = (judgements: readonly Judgement[]): Judgement =>
  judgements.reduce((worst, next) => (gravityOf(next) > gravityOf(worst) ? next : worst))

// A violation at one address outweighs a doubt about another, and a doubt outweighs a pass.
const gravity: Record<Result, number> = { fail: 5, error: 4, unknown: 3, pass: 2, notchecked: 1, notapplicable: 0 }
/** Of two passes the one that rests on silence decides. */
const gravityOf = ({ result, reason }: Judgement) => gravity[result] + (reason === 'silence-accepted' ? 0.5 : 0)

interface Claim {
  probe: ProtocolName
  expect: ResolvedExpectation
}

function judgeAddress(claim: Claim, addressResult: AddressResult, observedAt: number): Judgement {
  const { state, reason } = addressResult
  const { about } = reasons[reason]
  if (about === 'setup') return { result: 'error', state, reason }
  // A newer version may have stored the policy: a demand that is not judged must never pass.
  if (!isSupported(claim)) return { result: 'error', state, reason: 'expectation-not-supported' }
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

/** The groups that a rule names, besides what every probe shows. */
const demandsOf = ({ state: _, hostAnswered: __, ...demands }: ResolvedExpectation) =>
  Object.entries(demands).filter(([, demand]) => demand !== undefined)

function isSupported({ probe, expect }: Claim): boolean {
  const protocol = findProtocol(probe)
  return protocol !== undefined && demandsOf(expect).every(([group]) => Object.hasOwn(protocol.expects, group))
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
