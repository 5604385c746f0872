import type { Parameter, PolicyDocument, PolicyRule } from '../policy/policy.ts'
import type { Discovery } from './discovery.ts'
import { type Form, formOf } from './forms.ts'

/** What one vantage found. */
export interface DiscoveredFrom {
  vantage: string
  zones: readonly string[]
  discovery: Discovery
}

/** From what a policy is proposed. */
export interface ProposalSource {
  /** Of the policy. */
  name: string
  targets: readonly { name: string }[]
  /** As requested, such as `1-1024`. */
  ports: readonly string[]
  parts: readonly DiscoveredFrom[]
}

/** Rules of one proposal; documents may have 500. */
const maxRules = 400
/** Flows that only some targets or vantages see; documents may have 200 parameters. */
const maxConditional = 150
const named = 10

interface Flow {
  form: Form
  port: number
  /** Which targets, by the vantage that saw it. */
  seen: Map<DiscoveredFrom, Set<number>>
}

/** A policy with a rule for each flow; what only some targets show needs a parameter. Undefined where nothing is open. */
export function proposePolicy(source: ProposalSource): { document: PolicyDocument | undefined; omitted: number } {
  const rules: PolicyRule[] = []
  const parameters: Record<string, Parameter> = {}
  let omitted = 0
  for (const flow of flowsOf(source.parts)) {
    const { always, sometimes } = splitZones(flow, source)
    const isFull =
      rules.length + 2 > maxRules || (sometimes.length > 0 && Object.keys(parameters).length >= maxConditional)
    if (isFull) {
      omitted += 1
      continue
    }
    if (always.length > 0) rules.push(ruleFor(flow, source, { id: idOf(flow), from: always }))
    if (sometimes.length === 0) continue
    const parameter = `${flow.form.id.replace(/\W/g, '')}${flow.port}Applies`
    parameters[parameter] = {
      ...{ type: 'boolean', default: false },
      description: `Set it to true for targets where the flow belongs: ${observedOn(flow, source)}`.slice(0, 500),
    }
    rules.push({ ...ruleFor(flow, source, { id: `${idOf(flow)}-some`, from: sometimes }), when: `\${${parameter}}` })
  }
  const title = `Proposed from what is open on ${count(source.targets.length, 'target')}`
  const document: PolicyDocument = {
    ...{ name: source.name, title, source: `Observed: ports ${source.ports.join(', ')}`.slice(0, 500) },
    ...(Object.keys(parameters).length > 0 && { parameters }),
    rules,
  }
  return { document: rules.length > 0 ? document : undefined, omitted }
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
const idOf = ({ form, port }: Flow) => `${form.id}-${port}`

/** By port. */
function flowsOf(parts: readonly DiscoveredFrom[]): Flow[] {
  const flows = new Map<string, Flow>()
  for (const part of parts)
    for (const { target, port, form: id } of part.discovery.open) {
      const form = formOf(id)
      if (!form) continue
      const flow = flows.get(`${port} ${id}`) ?? { form, port, seen: new Map() }
      flow.seen.set(part, (flow.seen.get(part) ?? new Set()).add(target))
      flows.set(`${port} ${id}`, flow)
    }
  return [...flows.values()].sort((a, b) => a.port - b.port)
}

/** The zones whose vantages all see the flow at all targets, and the others where it is seen. */
function splitZones({ seen }: Flow, { parts, targets }: ProposalSource): { always: string[]; sometimes: string[] } {
  const zones = [...new Set([...seen.keys()].flatMap((part) => part.zones))].sort()
  const isAlways = (zone: string) =>
    parts.filter((part) => part.zones.includes(zone)).every((part) => seen.get(part)?.size === targets.length)
  return { always: zones.filter(isAlways), sometimes: zones.filter((zone) => !isAlways(zone)) }
}

const ruleFor = (flow: Flow, source: ProposalSource, { id, from }: { id: string; from: string[] }): PolicyRule => ({
  ...{ id, title: `${flow.form.title} on port ${flow.port}`, severity: 'medium', direction: 'inbound', from },
  ...{ probe: flow.form.probe, port: flow.port, expect: { state: ['open'], ...flow.form.expect } },
  rationale: `Proposed, to be reviewed: ${observedOn(flow, source)}`.slice(0, 2000),
})

/** `observed on a, b from branch at 2026-…` */
function observedOn({ seen }: Flow, { targets }: ProposalSource): string {
  const names = [...seen].map(([{ vantage, discovery }, own]) => {
    const listed = [...own].sort((a, b) => a - b).map((index) => targets[index]?.name ?? '')
    const more = listed.length > named ? ` and ${listed.length - named} more` : ''
    return `on ${listed.slice(0, named).join(', ')}${more} from ${vantage} at ${discovery.observedAt}`
  })
  const more = names.length > named ? ` and from ${names.length - named} more` : ''
  return `observed ${names.slice(0, named).join('; ')}${more}`
}
