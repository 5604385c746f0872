import type { State } from '../findings/state.ts'
import type { PolicyDocument, PolicyRule, Severity } from '../policy/policy.ts'
import { type GroupName, groupNames } from '../protocols/index.ts'
import { summarizePath } from '../traces/path.ts'
import type { TraceResult } from '../traces/trace.ts'
import {
  type FlowKind,
  type FlowOutcome,
  type FlowStanding,
  flowKindOf,
  outcomesIn,
  standingOf,
  statesOf,
} from './edges.ts'
import { endsOf, farEndOf, type HostRole, type Shared, type SharedParameters } from './ends.ts'

/** A policy with what is known of its flows. */
export interface FlowSource {
  document: PolicyDocument
  outcomes: readonly FlowOutcome[]
  parameters: readonly SharedParameters[]
  traces: readonly BlockedTrace[]
}

/** The newest trace of a check that is blocked. */
export interface BlockedTrace {
  id: string
  rule: string
  vantage: string
  zones: readonly string[]
  result: TraceResult
}

export interface FlowHost {
  id: string
  role: HostRole
  /** `server`, the parameter that names the host, or the host that the rule names. */
  name: string
  targets: number
  /** The hosts that it stands for, the most common first. */
  hosts: Shared<string>[]
}

/** Where packets are stopped on their way to a number of checks. */
interface Blocked {
  /** The last hop that they reach; null where none responds. */
  after: string | null
  /** The sender of the ICMP message that rejects them. */
  rejectedBy: string | null
  checks: number
  /** One of the traces. */
  trace: string
}

/** A rule from one of its zones. */
export interface FlowEdge extends FlowStanding {
  policy: string
  rule: string
  title: string
  rationale: string | null
  severity: Severity
  direction: PolicyRule['direction']
  /** The zone that it is seen from. */
  zone: string
  from: string
  to: string
  probe: PolicyRule['probe']
  /** For how many targets the rule applies. */
  targets: number
  ports: Shared<number>[]
  expects: { kind: FlowKind; states: State[]; insideWindow: State[] | null; groups: GroupName[] }
  blocked: Blocked[]
}

export interface FlowZone {
  id: string
  name: string
}

export interface Flows {
  zones: FlowZone[]
  hosts: FlowHost[]
  edges: FlowEdge[]
}

const shown = 20
const server = 'server'
const zoneId = (name: string) => `zone:${name}`

/** The flows of policies: every rule from each of its zones is an edge. */
export function flowsOf(sources: readonly FlowSource[]): Flows {
  const zones = new Map<string, FlowZone>()
  const hosts = new Map<string, FlowHost>()
  const edges = sources.flatMap(({ document, outcomes, parameters, traces }) => {
    const ends = endsOf(document, parameters)
    return document.rules.flatMap((rule) => {
      const { targets = 0, ports = [], hosts: values = [] } = ends.get(rule.id) ?? {}
      const far = hostOf(rule, { targets, hosts: values.slice(0, shown) })
      const near = rule.direction === 'outbound' ? hostOf({ direction: 'inbound' }, { targets, hosts: [] }) : far
      for (const host of [far, near]) hosts.set(host.id, merge(hosts.get(host.id), host))
      const own = outcomes.filter((outcome) => outcome.rule === rule.id)
      const ofRule = traces.filter((trace) => trace.rule === rule.id)
      return rule.from.map((zone): FlowEdge => {
        if (rule.direction === 'inbound') zones.set(zone, { id: zoneId(zone), name: zone })
        const inZone = outcomesIn(rule, zone, own)
        const vantages = new Set(inZone.map(({ vantage }) => vantage))
        return {
          policy: document.name,
          ...textsOf(rule),
          zone,
          from: rule.direction === 'outbound' ? near.id : zoneId(zone),
          to: far.id,
          targets,
          ports: ports.slice(0, shown),
          expects: expectationOf(rule),
          ...standingOf(inZone),
          blocked: blockedOf(ofRule.filter(({ vantage }) => vantages.has(vantage))),
        }
      })
    })
  })
  return { zones: [...zones.values()], hosts: [...hosts.values()], edges }
}

const textsOf = ({ id, title, rationale, severity, direction, probe }: PolicyRule) => ({
  rule: id,
  title,
  rationale: rationale ?? null,
  severity,
  direction,
  probe,
})

const expectationOf = (rule: PolicyRule): FlowEdge['expects'] => ({
  kind: flowKindOf(rule),
  states: statesOf(rule.expect),
  insideWindow: rule.insideWindow ? statesOf(rule.insideWindow.expect) : null,
  groups: groupNames.filter((name) => name in rule.expect),
})

function hostOf(
  rule: Pick<PolicyRule, 'direction' | 'host'>,
  { targets, hosts }: Pick<FlowHost, 'targets' | 'hosts'>,
): FlowHost {
  const { role, name } = farEndOf(rule)
  return { id: role === 'server' ? server : `${role}:${name}`, role, name, targets, hosts }
}

/** The same host in two rules: hosts and targets of the one with more. */
const merge = (known: FlowHost | undefined, host: FlowHost): FlowHost =>
  known && known.targets >= host.targets ? known : host

function blockedOf(traces: readonly BlockedTrace[]): Blocked[] {
  const stops = new Map<string, Blocked>()
  for (const { id, result } of traces) {
    const { path, address } = result
    if (path.outcome === 'connected') continue
    const after = summarizePath(path, address).reached?.address ?? null
    const rejectedBy = path.rejectedBy?.address ?? null
    const key = JSON.stringify([after, rejectedBy])
    const known = stops.get(key) ?? { after, rejectedBy, checks: 0, trace: id }
    stops.set(key, { ...known, checks: known.checks + 1 })
  }
  return [...stops.values()].sort((a, b) => b.checks - a.checks).slice(0, shown)
}
