import { type FlowSource, type Flows, flowsOf } from '../../domain/flows/flows.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { FlowFilter } from '../../store/history/flows.ts'

export interface PolicyFlows extends Flows {
  /** The version is null for a draft. */
  policies: { name: string; version: number | null; title: string }[]
}

/** The flows of policies as they were at a point in time. Parameters of targets are those of now. */
export async function findFlows(stores: Stores, at: Date, filter: FlowFilter): Promise<PolicyFlows> {
  const policies = await stores.policies.at(filter.policy === undefined ? undefined : [filter.policy], at)
  const outcomes = await stores.flows.outcomes(at, filter)
  const groups = await stores.flows.parameters([...new Set(outcomes.flatMap(({ targets }) => targets))], filter)
  const traces = await stores.flows.traces(at, filter)
  const sources = policies.map(({ name, document }): FlowSource => {
    const own = outcomes.filter(({ policy }) => policy === name)
    const ids = new Set(own.flatMap(({ targets }) => targets))
    return {
      document,
      outcomes: own,
      // Before a policy was audited, all targets may be in its scope.
      parameters: groups.map((group) => ({
        params: group.params,
        targets: ids.size === 0 ? group.ids.length : group.ids.filter((id) => ids.has(id)).length,
      })),
      traces: traces.filter(({ policy }) => policy === name),
    }
  })
  return {
    policies: policies.map(({ name, version, document: { title } }) => ({ name, version, title })),
    ...flowsOf(
      sources.map((source) => ({ ...source, parameters: source.parameters.filter(({ targets }) => targets > 0) })),
    ),
  }
}
