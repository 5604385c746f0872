import type { Static } from 'typebox'
import type { FlowReport as FlowReportSchema } from '../../../api/routes/reports/schemas/flows.ts'
import { resultNames, type ShownResult } from '../../parts/results/results.ts'

export type FlowReport = Static<typeof FlowReportSchema>
export type FlowEdge = FlowReport['edges'][number]
export type FlowHost = FlowReport['hosts'][number]

/** What each kind of flow demands. */
export const kindTexts: Readonly<Record<FlowEdge['expects']['kind'], string>> = {
  open: 'Must be open',
  closed: 'Must be closed',
  window: 'Open inside a window only',
  either: 'Open or closed',
}

const shownPorts = 3

/** "443", or "443, 8443 and 2 more"; a rule that applies to no target has none. */
export function portsText({ ports }: Pick<FlowEdge, 'ports'>): string {
  const first = ports.slice(0, shownPorts).map(({ port }) => String(port))
  const rest = ports.length - first.length
  return first.join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

const checksOf = ({ counts }: Pick<FlowEdge, 'counts'>) =>
  counts.pass + counts.fail + counts.unknown + counts.error + counts.notchecked

/** "412 of 415": how many of the checks that apply pass. */
export const passText = (edge: Pick<FlowEdge, 'counts'>): string =>
  `${edge.counts.pass.toLocaleString('en')} of ${checksOf(edge).toLocaleString('en')}`

/** Whether a rule is of no consequence: it applies to no target, and nothing was checked. */
export const appliesToNone = (edge: Pick<FlowEdge, 'targets' | 'counts'>): boolean =>
  edge.targets === 0 && checksOf(edge) === 0

/** The worst result as it is shown: waived if every failure is accepted; undefined while nothing is known. */
export function shownWorst({
  worst,
  counts,
  waived,
}: Pick<FlowEdge, 'worst' | 'counts' | 'waived'>): ShownResult | undefined {
  if (!worst) return undefined
  return worst.result === 'fail' && counts.fail === waived ? 'waived' : worst.result
}

/** "after 10.66.2.2", "by 10.66.2.2": where packets of blocked checks stop, the most checks first. */
export const blockedTexts = ({ blocked }: Pick<FlowEdge, 'blocked'>): string[] =>
  blocked.map(({ after, rejectedBy }) => {
    if (rejectedBy) return `rejected by ${rejectedBy}`
    return after ? `blocked after ${after}` : 'blocked before the first hop that responds'
  })

/** What is wrong with a flow, in a few words; empty while it is as it must be. */
export function noteOf(edge: FlowEdge): string {
  const worst = shownWorst(edge)
  if (worst === undefined) return 'not audited yet'
  if (worst === 'pass' || worst === 'notapplicable') return ''
  const word = resultNames[worst].toLowerCase()
  const state = edge.worst?.state ?? 'unknown'
  if (worst === 'waived') return `${state}, waived`
  if (worst !== 'fail' || state === 'unknown') return word
  if (edge.expects.states.includes(state)) return `${state}, and fails what else is demanded`
  return [state, ...blockedTexts(edge).slice(0, 1)].join(', ')
}

/** A host as people call it: `server` of one target is that target. */
export function hostText({ role, name, hosts }: FlowHost, target?: string): string {
  if (role === 'server' || (role === 'peer' && name === 'server')) return target ?? 'Server'
  return hosts.length === 1 && hosts[0] ? hosts[0].host : name
}

/** "412 targets", or the hosts that a parameter stands for. */
export function hostNote({ role, name, targets, hosts }: FlowHost): string {
  const count = `${targets.toLocaleString('en')} ${targets === 1 ? 'target' : 'targets'}`
  if (role === 'server') return count
  const [first] = hosts
  if (hosts.length === 1 && first?.host !== name) return name
  return hosts.length > 1 ? `${first?.host} and ${hosts.length - 1} more` : count
}

/** The flow in a sentence, for those who do not see the picture. */
export function sentenceOf(edge: FlowEdge, { from, to }: { from: string; to: string }): string {
  const worst = shownWorst(edge)
  const standing = worst ? `${resultNames[worst].toLowerCase()}, ${passText(edge)} pass` : 'not audited yet'
  const blocked = worst === 'fail' ? blockedTexts(edge).slice(0, 1) : []
  return [
    `${edge.title}: ${from} to ${to}, port ${portsText(edge) || 'none'}, ${kindTexts[edge.expects.kind].toLowerCase()}`,
    standing,
    ...blocked,
  ].join('; ')
}
