import { resolveParameters, resolveRule } from '../policy/parameters.ts'
import type { PolicyDocument, PolicyRule } from '../policy/policy.ts'
import { portsOf } from '../policy/port-set.ts'

/** Targets with the same parameters. */
export interface SharedParameters {
  params: Readonly<Record<string, unknown>>
  targets: number
}

/** A value, and for how many targets it is so. */
export interface Shared<T> {
  value: T
  targets: number
}

/** Where the flows of a rule end, for all targets; the most common value first. */
export interface RuleEnds {
  /** For how many targets the rule applies. */
  targets: number
  ports: Shared<number>[]
  /** Empty where the rule is about the target itself. */
  hosts: Shared<string>[]
}

/** The ports and hosts of each rule, resolved with the parameters of the targets. Those whose parameters do not fit are left out. */
export function endsOf(document: PolicyDocument, groups: readonly SharedParameters[]): Map<string, RuleEnds> {
  const found = new Map(
    document.rules.map(({ id }) => [id, { targets: 0, ports: tally<number>(), hosts: tally<string>() }]),
  )
  for (const { params, targets } of groups) {
    const resolved = resolveParameters(document, { target: params })
    if ('errors' in resolved) continue
    for (const rule of document.rules) {
      const one = resolveRule(rule, resolved.values)
      const ends = found.get(rule.id)
      if (one === 'notapplicable' || !ends) continue
      ends.targets += targets
      for (const port of one.ports ? portsOf(one.ports) : [one.port]) ends.ports.add(port, targets)
      if (one.host !== undefined) ends.hosts.add(one.host, targets)
    }
  }
  return new Map([...found].map(([id, ends]) => [id, { ...ends, ports: ends.ports.list(), hosts: ends.hosts.list() }]))
}

function tally<T>() {
  const counts = new Map<T, number>()
  return {
    add: (value: T, targets: number) => void counts.set(value, (counts.get(value) ?? 0) + targets),
    list: () => [...counts].map(([value, targets]) => ({ value, targets })).sort((a, b) => b.targets - a.targets),
  }
}

/** What one end of a flow is: `endpoint`: a host other than the target that others reach; `peer`: one that the target reaches. */
export const hostRoles = ['server', 'endpoint', 'peer'] as const
export type HostRole = (typeof hostRoles)[number]

/** The host at the far end of a rule, by what the rule calls it: a parameter without its braces, or a literal host. */
export function farEndOf({ direction, host }: Pick<PolicyRule, 'direction' | 'host'>): {
  role: HostRole
  name: string
} {
  const name = host === undefined ? 'server' : (/^\$\{(\w+)\}$/.exec(host)?.[1] ?? host)
  if (direction === 'outbound') return { role: 'peer', name }
  return { role: host === undefined ? 'server' : 'endpoint', name }
}
