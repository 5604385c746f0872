import type { FlowOutcome } from '../../domain/flows/edges.ts'
import { flowsOf } from '../../domain/flows/flows.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { zonesOf } from '../../domain/vantages/zones.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Selection } from '../../store/query/selection.ts'
import { findDraftTargets, judgeDraft } from '../policies/preview.ts'
import type { PolicyFlows } from './find-flows.ts'

/** The flows of a draft, judged against stored facts; sends no packet, and throws RefusedError as a preview does. */
export async function draftFlows(
  stores: Stores,
  { document, targets: selection, now }: { document: PolicyDocument; targets: Selection; now: Date },
): Promise<PolicyFlows> {
  const targets = await findDraftTargets(stores, selection)
  const zones = new Map((await stores.vantages.list()).map((one) => [one.name, one.zones]))
  const outcomes = new Map<string, FlowOutcome>()
  for await (const { rule, vantage, after } of judgeDraft(stores, { document, targets, now })) {
    if (!after) continue
    const { result, state } = after
    const key = JSON.stringify([rule, vantage, result, state])
    const known = outcomes.get(key)
    const own = zonesOf({ vantage, zones: zones.get(vantage) ?? [] })
    outcomes.set(key, { rule, vantage, zones: own, result, state, waived: false, count: (known?.count ?? 0) + 1 })
  }
  const groups = Map.groupBy(targets, ({ params }) => JSON.stringify(params))
  const parameters = [...groups.values()].flatMap(([first, ...rest]) =>
    first ? [{ params: first.params, targets: rest.length + 1 }] : [],
  )
  return {
    policies: [{ name: document.name, version: null, title: document.title }],
    ...flowsOf([{ document, outcomes: [...outcomes.values()], parameters, traces: [] }]),
  }
}
