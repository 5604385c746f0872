import { findProtocol, protocolNames, protocols, type ReasonCode } from '../protocols/index.ts'
import { type Reason, sharedReasons } from './shared-reasons.ts'

export type { ReasonCode }

/** The closed list of reason codes: why an observation has its state, and why a finding has its result. */
export const reasons: { readonly [Code in ReasonCode]: Reason } = Object.assign(
  {},
  sharedReasons,
  ...protocolNames.map((name) => protocols[name].reasons),
)
export const reasonCodes = Object.keys(reasons) as ReasonCode[]

/** The present codes of renamed reasons: stored findings and signed evidence keep the code of their time. */
export const renamedReasons = {
  'no-answer': 'no-response',
  'answer-too-large': 'response-too-large',
  'http-answered': 'http-responded',
  'http-not-answered': 'http-no-response',
  'ldap-answered': 'ldap-responded',
  'ldap-not-answered': 'ldap-no-response',
} as const satisfies Record<string, ReasonCode>

/** Evidence, as far as it explains a reason. */
interface Explaining {
  probe: string
  addresses: Readonly<Record<string, { rejectedBy?: string; waitedMs?: number; facts: object }>>
}

/**
 * A reason as the API shows it, with the senders of the ICMP messages in the evidence, and with what did not come in time where
 * that leaves the finding undecided.
 */
export function describeReason(code: ReasonCode, evidence?: Explaining | null) {
  const { message, undecided } = reasons[code]
  const sentences = evidence ? [...senders(evidence), ...(undecided ? silences(evidence) : [])] : []
  return { code, message: [message, ...sentences].join(' ') }
}

function senders({ addresses }: Explaining): string[] {
  const known = Object.values(addresses).flatMap(({ rejectedBy }) => rejectedBy ?? [])
  return known.length > 0 ? [`ICMP sender: ${[...new Set(known)].sort().join(', ')}.`] : []
}

function silences({ probe, addresses }: Explaining): string[] {
  const found = Object.values(addresses).flatMap(({ waitedMs, facts }) =>
    waitedMs === undefined
      ? []
      : `Connected, no ${findProtocol(probe)?.awaits(facts as never) ?? 'response'} within ${waitedMs / 1_000} s.`,
  )
  return [...new Set(found)].sort()
}
