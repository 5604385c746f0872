import { type Family, families, familyOf } from '../findings/counted-addresses.ts'
import type { State } from '../findings/state.ts'
import { statesOf } from '../flows/edges.ts'
import { resolveRule } from '../policy/parameters.ts'
import type { ParameterValues } from '../policy/placeholders.ts'
import type { PolicyDocument, ResolvedRule } from '../policy/policy.ts'
import { boundsOf, portsOf, rangesOf } from '../policy/port-set.ts'
import { transportOf } from '../protocols/index.ts'
import type { Transport } from '../protocols/protocol.ts'
import {
  contradict,
  type FirewallAction,
  type FirewallChange,
  type FirewallOrigin,
  type LeftOut,
  type LeftOutReason,
  mergeSame,
  type PortRange,
} from './change.ts'

/** What a proposal is made of. */
export interface ProposalInputs {
  document: PolicyDocument
  /** Those of `resolveParameters` for the target. */
  values: ParameterValues
  /** The address of the target. */
  address: string
  origin: FirewallOrigin
  /** The known addresses of a host, canonical; empty: unknown. */
  addressesOf: (host: string) => readonly string[]
}

/** The changes that the rules from the zones of an origin demand; of the others why there are none. Guesses no address. */
export function proposeChanges(inputs: ProposalInputs): { changes: FirewallChange[]; left: LeftOut[] } {
  const changes: FirewallChange[] = []
  const left: LeftOut[] = []
  for (const rule of inputs.document.rules) {
    const sides = [rule.from, rule.unlike?.from ?? []].map((from) => sharedWith(inputs.origin, from))
    if (sides.every((zones) => zones.length === 0)) continue
    const resolved = resolveRule(rule, inputs.values)
    if (resolved === 'notapplicable') {
      left.push(leftOut(rule, 'not-applicable', 'the rule does not apply to this target'))
      continue
    }
    const [first = [], unlike = []] = sides
    if (first.length > 0) add(changes, left, demandedBy(resolved, resolved.expect, inputs))
    if (unlike.length > 0 && resolved.unlike) add(changes, left, demandedBy(resolved, resolved.unlike.expect, inputs))
    if (resolved.insideWindow) left.push(...onlyInWindow(resolved, inputs))
  }
  return withoutConflicts(mergeSame(changes), left)
}

const sharedWith = ({ zones }: FirewallOrigin, from: readonly string[]) => from.filter((zone) => zones.includes(zone))

type Demanded = { changes: FirewallChange[] } | { left: LeftOut }

function add(changes: FirewallChange[], left: LeftOut[], demanded: Demanded): void {
  if ('left' in demanded) left.push(demanded.left)
  else changes.push(...demanded.changes)
}

const leftOut = (
  { id, title }: { id: string; title: string },
  reason: LeftOutReason,
  message: string,
  changes: readonly FirewallChange[] = [],
): LeftOut => ({ rule: { id, title }, reason, message, changes })

/** Undefined where the rule accepts the port open and not open. A dropped datagram leaves a UDP port unknown, so it is rejected. */
function actionFor(states: readonly State[], transport: Transport): FirewallAction | undefined {
  if (states.includes('open')) return states.every((state) => state === 'open') ? 'allow' : undefined
  const isDropped = states.includes('filtered') && !(transport === 'udp' && states.includes('closed'))
  return isDropped ? 'drop' : 'reject'
}

function demandedBy(
  rule: ResolvedRule,
  expect: ResolvedRule['expect'],
  { address, origin, addressesOf }: ProposalInputs,
): Demanded {
  const transport = transportOf(rule.probe, rule)
  const action = actionFor(statesOf(expect), transport)
  if (!action) return { left: leftOut(rule, 'any-state', 'the rule accepts the port open and not open') }
  const host = rule.host ?? address
  const isOutbound = rule.direction === 'outbound'
  const sources = isOutbound ? addressesOf(address) : origin.networks
  const destinations = addressesOf(host)
  const unknown = [
    ...(isOutbound && sources.length === 0 ? [address] : []),
    ...(destinations.length === 0 ? [host] : []),
  ]
  if (unknown[0] !== undefined)
    return {
      left: leftOut(rule, 'address-unknown', `the address of ${unknown[0]} is not known: give it with \`resolve\``),
    }
  if (sources.length === 0) {
    const zones = sharedWith(origin, [...rule.from, ...(rule.unlike?.from ?? [])]).join(', ')
    const message = `the networks of zone ${zones} are not known: give them with \`source\``
    return { left: leftOut(rule, 'origin-unknown', message) }
  }
  const { direction } = rule
  const changes = (rule.families ?? families).flatMap((family): FirewallChange[] => {
    const ends = { sources: sources.filter(isOf(family)), destinations: destinations.filter(isOf(family)) }
    if (ends.sources.length === 0 || ends.destinations.length === 0) return []
    const { id, title } = rule
    const atTarget =
      isOutbound || rule.host === undefined || destinations.every((one) => addressesOf(address).includes(one))
    const ports = portsOfRule(rule, expect)
    return [{ rules: [{ id, title }], action, direction, atTarget, protocol: transport, family, ...ends, ports }]
  })
  if (changes.length > 0) return { changes }
  return { left: leftOut(rule, 'families-differ', 'no source and destination are of the same IP family') }
}

/** Of a set without the ports that may be open. */
function portsOfRule({ port, ports }: ResolvedRule, expect: ResolvedRule['expect']): PortRange[] {
  if (!ports) return [{ from: port, to: port }]
  const mayBeOpen = new Set(portsOf(expect.onlyOpen))
  return rangesOf(portsOf(ports).filter((one) => !mayBeOpen.has(one))).flatMap((range) => {
    const [from, to] = boundsOf(range) ?? []
    return from === undefined || to === undefined ? [] : [{ from, to }]
  })
}

const isOf = (family: Family) => (network: string) => familyOf(network.split('/')[0] ?? '') === family

/** What holds while a window is open, where it differs from what holds always. */
function onlyInWindow(rule: ResolvedRule, inputs: ProposalInputs): LeftOut[] {
  const { expect } = rule.insideWindow ?? rule
  const demanded = demandedBy(rule, expect, inputs)
  const actions = [expect, rule.expect].map((one) => actionFor(statesOf(one), transportOf(rule.probe, rule)))
  if ('left' in demanded || actions[0] === actions[1]) return []
  return [leftOut(rule, 'window', 'only while an approved window is open', demanded.changes)]
}

/** Without changes that contradict each other: a person has to decide. */
function withoutConflicts(changes: readonly FirewallChange[], left: LeftOut[]) {
  const agreed: FirewallChange[] = []
  for (const change of changes) {
    const opposite = changes.find((other) => contradict(change, other))
    if (!opposite) agreed.push(change)
    else {
      const message = `rule ${opposite.rules.map(({ id }) => id).join(', ')} demands the opposite`
      for (const rule of change.rules) left.push(leftOut(rule, 'conflict', message, [{ ...change, rules: [rule] }]))
    }
  }
  return { changes: agreed, left }
}
