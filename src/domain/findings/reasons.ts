import { portsOf, rangesOf } from '../policy/port-set.ts'
import { findProtocol, protocolNames, protocols, type ReasonCode } from '../protocols/index.ts'
import { type Reason, sharedReasons } from './shared-reasons.ts'
import type { State } from './state.ts'

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

/** Whether the vantage left an address out: no packet was sent to it. */
export const isLeftOut = ({ reason }: { reason?: ReasonCode }): boolean =>
  reason !== undefined && reasons[reason]?.leavesOut === true

type SeenAddresses = Readonly<
  Record<string, { state?: State; reason?: ReasonCode; rejectedBy?: string; waitedMs?: number; facts?: object }>
>

/** Evidence, as far as it explains a reason. */
interface Explaining {
  probe: string
  addresses: SeenAddresses
  unlike?: Readonly<Record<string, SeenAddresses>>
}

/**
 * A reason as the API shows it, with the senders of the ICMP messages in the evidence, the addresses that were left out, and
 * what did not come in time where that leaves the finding undecided.
 */
export function describeReason(code: ReasonCode, evidence?: Explaining | null) {
  const { message, undecided } = reasons[code]
  if (!evidence) return { code, message }
  const sides = [evidence.addresses, ...Object.values(evidence.unlike ?? {})]
  const sentences = [
    ...listed('Seen at', deciding(code, evidence)),
    ...(code === 'ports-unexpectedly-open' ? openPorts(evidence) : []),
    ...listed('ICMP sender', senders(evidence)),
    ...listed('Not probed', sides.flatMap(leftOutOf)),
    ...(undecided ? silences(evidence) : []),
  ]
  return { code, message: [message, ...sentences].join(' ') }
}

const listed = (what: string, items: readonly string[]): string[] =>
  items.length > 0 ? [`${what}: ${[...new Set(items)].sort().join(', ')}.`] : []

/** Ports that a reason names; the others are a number. */
const namedPorts = 10

function openPorts({ addresses }: Explaining): string[] {
  const open = Object.values(addresses).flatMap(({ facts }) => (facts as { open?: string[] } | undefined)?.open ?? [])
  const ports = rangesOf(portsOf(open))
  const more = ports.length - namedPorts
  return ports.length === 0
    ? []
    : [`Open in the set: ${ports.slice(0, namedPorts).join(', ')}${more > 0 ? ` and ${more} more` : ''}.`]
}

const senders = ({ addresses }: Explaining): string[] =>
  Object.values(addresses).flatMap(({ rejectedBy }) => rejectedBy ?? [])

/** The addresses with this reason, where there are others beside them. */
function deciding(code: ReasonCode, { addresses }: Explaining): string[] {
  const all = Object.entries(addresses).filter(([, seen]) => !isLeftOut(seen))
  const isOpen = code === 'unexpected-state'
  const found = all.filter(([, { reason, state }]) => (isOpen ? state === 'open' : reason === code))
  return found.length === all.length ? [] : found.map(([address]) => address)
}

/** The addresses without a packet, where there are others beside them. */
function leftOutOf(addresses: SeenAddresses): string[] {
  const all = Object.entries(addresses)
  const leftOut = all.filter(([, seen]) => isLeftOut(seen))
  return leftOut.length === all.length ? [] : leftOut.map(([address, { reason }]) => `${address} (${reason})`)
}

function silences({ probe, addresses }: Explaining): string[] {
  const found = Object.values(addresses).flatMap(({ waitedMs, facts }) =>
    waitedMs === undefined
      ? []
      : `Connected, no ${findProtocol(probe)?.awaits(facts as never) ?? 'response'} within ${waitedMs / 1_000} s.`,
  )
  return [...new Set(found)].sort()
}
