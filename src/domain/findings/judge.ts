import type { ResolvedExpectation, ResolvedRule } from '../policy/policy.ts'
import { type AddressResult, type Observation, type State, tlsVersions } from './observation.ts'
import { type ReasonCode, reasons } from './reasons.ts'

/** XCCDF's results (NISTIR 7275r4, table 26), the ones that Portwarden gives. */
export const results = ['pass', 'fail', 'unknown', 'error', 'notapplicable', 'notchecked'] as const
export type Result = (typeof results)[number]

export interface Judgement {
  result: Result
  state: State
  reason: ReasonCode
}

interface JudgeContext {
  /** A window is open for this rule and target at the time of the observation. */
  windowOpen: boolean
}

/**
 * Judges one observation against one rule. Pure: the same input gives the same judgement, today and in ten years.
 * A host with several addresses is judged on all of them: the worst one decides.
 */
export function judge(rule: ResolvedRule, seen: Observation, context: JudgeContext): Judgement {
  const expect = (context.windowOpen && rule.insideWindow?.expect) || rule.expect
  const judgements = seen.addressResults.map((addressResult) =>
    judgeAddress(expect, addressResult, Date.parse(seen.observedAt)),
  )
  return worstOf(judgements)
}

/** Of several judgements the gravest, of equal ones the first; there must be one. */
export const worstOf = (judgements: readonly Judgement[]): Judgement =>
  judgements.reduce((worst, next) => (gravity[next.result] > gravity[worst.result] ? next : worst))

// A known violation at one address outweighs what is not known of another; what is not known outweighs a pass.
const gravity: Record<Result, number> = { fail: 5, error: 4, unknown: 3, pass: 2, notchecked: 1, notapplicable: 0 }

function judgeAddress(expect: ResolvedExpectation, addressResult: AddressResult, now: number): Judgement {
  const { state, reason } = addressResult
  const { about } = reasons[reason]
  if (about === 'setup') return { result: 'error', state, reason }
  if (about === 'us' || state === 'unknown' || state === 'unresolved') return { result: 'unknown', state, reason }

  const allowed = expect.state ?? ['open']
  // Nobody home proves neither that the port is shut nor that a filter shuts it; that it is not open, it does prove.
  const closedIsAllowed = allowed.includes('closed') || allowed.includes('filtered')
  if (state === 'unreachable' && closedIsAllowed && !allowed.includes(state))
    return { result: 'unknown', state, reason }
  if (!allowed.includes(state)) return { result: 'fail', state, reason: state === 'open' ? 'unexpected-state' : reason }
  if (state !== 'open') return { result: 'pass', state, reason: 'as-expected' }

  const violation = firstViolation(expect, addressResult, now)
  if (!violation) return { result: 'pass', state, reason: 'as-expected' }
  return { result: undecided.has(violation) ? 'unknown' : 'fail', state, reason: violation }
}

const undecided: ReadonlySet<ReasonCode> = new Set(['facts-missing', 'tls-version-not-tested'])

// A sighting is a union over the probes; an expectation names only facts of its own probe, which the loader makes sure of.
type AnyFacts = Partial<
  AddressResult<'https'>['facts'] & AddressResult<'ssh'>['facts'] & AddressResult<'ldap'>['facts']
>

function firstViolation(
  expect: ResolvedExpectation,
  addressResult: AddressResult,
  now: number,
): ReasonCode | undefined {
  const facts: AnyFacts = addressResult.facts
  return (
    (expect.tls && tlsViolation(expect.tls, facts, addressResult.reason, now)) ||
    (expect.http && httpViolation(expect.http, facts, addressResult.reason)) ||
    (expect.ssh && sshViolation(expect.ssh, facts, addressResult.reason)) ||
    (expect.ldap && ldapViolation(expect.ldap, facts, addressResult.reason))
  )
}

const dayMs = 86_400_000

/** Whole days from `now` until the certificate ends; negative when it has ended. */
export const daysLeft = (notAfter: string, now: number): number => Math.floor((Date.parse(notAfter) - now) / dayMs)

type Violation = ReasonCode | undefined

function tlsViolation(
  expect: NonNullable<ResolvedExpectation['tls']>,
  facts: AnyFacts,
  seen: ReasonCode,
  now: number,
): Violation {
  const { certificate } = facts
  if (!facts.protocol) return seen
  if (expect.minVersion && tlsVersions.indexOf(facts.protocol) < tlsVersions.indexOf(expect.minVersion))
    return 'tls-version-too-old'
  for (const version of expect.refuses ?? []) {
    const offered = facts.versions?.[version]
    if (offered === 'accepted') return 'tls-old-version-accepted'
    if (offered !== 'refused') return 'tls-version-not-tested'
  }
  const asks = expect.trusted || expect.nameMatches || expect.validNow || expect.minDaysLeft !== undefined
  if (!asks) return undefined
  if (!certificate) return 'facts-missing'
  if (expect.validNow && now >= Date.parse(certificate.notAfter)) return 'certificate-expired'
  if (expect.validNow && now < Date.parse(certificate.notBefore)) return 'certificate-not-yet-valid'
  if (expect.minDaysLeft !== undefined && daysLeft(certificate.notAfter, now) < expect.minDaysLeft)
    return 'certificate-expires-soon'
  if (expect.nameMatches && facts.nameMatches === undefined) return 'facts-missing'
  if (expect.nameMatches && !facts.nameMatches) return 'certificate-name-mismatch'
  if (expect.trusted && !(expect.allowSelfSigned && certificate.selfSigned)) {
    if (facts.trusted === undefined) return 'facts-missing'
    if (!facts.trusted) return 'certificate-untrusted'
  }
  return undefined
}

// Web servers refuse a plain request on their TLS port with 400 in clear: that serves nothing, so it is not a violation.
const refusesPlain = 400

function httpViolation(expect: NonNullable<ResolvedExpectation['http']>, facts: AnyFacts, seen: ReasonCode): Violation {
  if (expect.answers && !facts.http) return seen === 'tls-ok' ? 'http-no-response' : seen
  if (expect.plainServed === false) {
    if (!facts.plainHttp) return 'facts-missing'
    if (facts.plainHttp.answered && facts.plainHttp.status !== refusesPlain) return 'plain-http-served'
  }
  return undefined
}

const sshVersions = ['1.5', '1.99', '2.0']

function sshViolation(expect: NonNullable<ResolvedExpectation['ssh']>, facts: AnyFacts, seen: ReasonCode): Violation {
  if (!facts.identification) return expect.speaks && seen !== 'ssh-refused' ? 'ssh-not-spoken' : seen
  if (seen === 'ssh-signature-invalid') return seen
  if (expect.minVersion && sshVersions.indexOf(facts.protocolVersion ?? '') < sshVersions.indexOf(expect.minVersion)) {
    return 'ssh-version-too-old'
  }
  if (expect.hostKeys) {
    if (!facts.hostKey?.verified) return 'facts-missing'
    if (!expect.hostKeys.includes(facts.hostKey.sha256)) return 'ssh-host-key-mismatch'
  }
  if (expect.forbid) {
    if (!facts.algorithms) return 'facts-missing'
    const offered = new Set(Object.values(facts.algorithms).flat())
    if (expect.forbid.some((name) => offered.has(name))) return 'ssh-algorithm-forbidden'
  }
  return undefined
}

const channelFailures: ReadonlySet<ReasonCode> = new Set([
  'ldap-channel-unverified',
  'ldap-starttls-injection',
  'ldap-starttls-refused',
])
// strongerAuthRequired and confidentialityRequired, RFC 4511 appendix A.
const protectionDemanded: ReadonlySet<number> = new Set([8, 13])

function ldapViolation(expect: NonNullable<ResolvedExpectation['ldap']>, facts: AnyFacts, seen: ReasonCode): Violation {
  if (!facts.rootDse && !facts.bind && !facts.startTls) return 'ldap-no-response'
  if (expect.activeDirectory && !facts.activeDirectory) return 'ldap-not-active-directory'
  if (expect.bind && seen !== 'ldap-bind-ok') return seen
  if (expect.security) {
    if (channelFailures.has(seen)) return seen
    if (!(facts.security && expect.security.includes(facts.security))) return 'ldap-channel-not-allowed'
  }
  if (expect.plainBind === 'refused') {
    if (!facts.plainBind) return 'facts-missing'
    if (!protectionDemanded.has(facts.plainBind.resultCode)) return 'ldap-plain-bind-allowed'
  }
  return undefined
}
