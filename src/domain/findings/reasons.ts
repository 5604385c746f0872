import { protocolNames, protocols, type ReasonCode } from '../protocols/index.ts'
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

interface RejectingEvidence {
  addresses: Readonly<Record<string, { rejectedBy?: string }>>
}

/** A reason as the API shows it, with the senders of the ICMP messages in the evidence. */
export function describeReason(code: ReasonCode, evidence?: RejectingEvidence | null) {
  const senders = Object.values(evidence?.addresses ?? {}).flatMap(({ rejectedBy }) => rejectedBy ?? [])
  const { message } = reasons[code]
  if (senders.length === 0) return { code, message }
  return { code, message: `${message} ICMP sender: ${[...new Set(senders)].sort().join(', ')}.` }
}
