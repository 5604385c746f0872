import type { Family } from '../findings/counted-addresses.ts'
import type { Transport } from '../protocols/protocol.ts'

/** `drop`: no response; `reject`: a TCP reset, or port-unreachable for UDP. */
export const firewallActions = ['allow', 'drop', 'reject'] as const
export type FirewallAction = (typeof firewallActions)[number]

/** Ports from the first to the last, both included. */
export interface PortRange {
  from: number
  to: number
}

/** A flow that a firewall should allow or refuse; names no product. */
export interface FirewallChange {
  /** The rules that demand it. */
  rules: readonly { id: string; title: string }[]
  action: FirewallAction
  /** Seen from the target. */
  direction: 'inbound' | 'outbound'
  /** Whether the target is the inner end of the flow: not where others reach another host. */
  atTarget: boolean
  protocol: Transport
  family: Family
  /** Addresses and networks in CIDR form, of one family; no network holds another. */
  sources: readonly string[]
  destinations: readonly string[]
  /** Ports of the destination, in order and disjoint. */
  ports: readonly PortRange[]
}

/** Why a rule is no change. Those of `window` and `conflict` have changes that are shown and not proposed. */
export const leftOutReasons = [
  'window',
  'any-state',
  'origin-unknown',
  'address-unknown',
  'families-differ',
  'conflict',
  'not-applicable',
] as const
export type LeftOutReason = (typeof leftOutReasons)[number]

/** A rule of which no change is proposed. */
export interface LeftOut {
  rule: { id: string; title: string }
  reason: LeftOutReason
  message: string
  /** What the rule would need. */
  changes: readonly FirewallChange[]
}

/** Where the flows of a proposal come from. */
export interface FirewallOrigin {
  /** Null where a zone is named. */
  vantage: string | null
  zones: readonly string[]
  /** The networks of the zones, canonical; empty: unknown. */
  networks: readonly string[]
}

/** The changes by which the firewalls between an origin and a target would agree with a policy. */
export interface FirewallProposal {
  policy: { name: string; version: number; digest: string }
  target: { name: string; address: string; addresses: readonly string[] }
  origin: FirewallOrigin
  at: Date
  changes: readonly FirewallChange[]
  left: readonly LeftOut[]
}

const overlap = (a: PortRange, b: PortRange) => a.from <= b.to && b.from <= a.to

/** Whether two changes are about the same packets and demand the opposite. */
export function contradict(a: FirewallChange, b: FirewallChange): boolean {
  return (
    (a.action === 'allow') !== (b.action === 'allow') &&
    a.direction === b.direction &&
    a.protocol === b.protocol &&
    a.destinations.some((destination) => b.destinations.includes(destination)) &&
    a.ports.some((port) => b.ports.some((other) => overlap(port, other)))
  )
}

/** One change for all rules that demand the same. */
export function mergeSame(changes: readonly FirewallChange[]): FirewallChange[] {
  const same = Map.groupBy(changes, ({ rules: _, ...change }) => JSON.stringify(change))
  return [...same.values()].map(([first, ...rest]) => ({
    ...(first as FirewallChange),
    rules: [first as FirewallChange, ...rest].flatMap(({ rules }) => rules),
  }))
}
