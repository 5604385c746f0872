import { findProtocol, type OptionsByProtocol, type ProtocolName, transportOf } from '../protocols/index.ts'
import type { ResolvedExpectation, ResolvedRule } from './policy.ts'

type Options = OptionsByProtocol[ProtocolName]

/** Options that only add to what a probe sees. All others change it. */
const additive: ReadonlySet<string> = new Set([
  'offerDialects',
  'offerSecurities',
  'offerVersions',
  'plainBind',
  'recursion',
  'services',
  'zoneTransfer',
])

/** What a probe must examine beyond the least, so that the rule can be judged inside a window and outside. */
export function optionsOf({ transport, ...rule }: ResolvedRule): Options {
  const options = expectedOptions(rule)
  return transport === undefined || transport === transportOf(rule.probe, {}) ? options : { ...options, transport }
}

function expectedOptions({ probe, ports, expect, insideWindow }: ResolvedRule): Options {
  if (ports) return { ports: ports.map(String) }
  const outside = optionsFor(probe, expect)
  const inside = insideWindow && demandsOf(insideWindow.expect) ? optionsFor(probe, insideWindow.expect) : undefined
  return inside && demandsOf(expect) ? (merge(outside, inside) as Options) : (inside ?? outside)
}

/**
 * The options, by their names, on which two expectations of a rule differ although one observation cannot serve both, such as
 * two sets of trusted authorities. Takes expectations as written, too.
 */
export function conflictingOptions(probe: string, outside: object, inside: object): string[] {
  if (!demandsOf(outside) || !demandsOf(inside)) return []
  return differing(optionsFor(probe, outside), optionsFor(probe, inside))
}

/** The names of the options that differ and are not additive. */
function differing(one: Options, other: Options): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].filter((name) => !additive.has(name) && !sameValue(entriesOf(one)[name], entriesOf(other)[name]))
}

const sameValue = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** Whether what was observed for one rule shows what another one demands of the same endpoint. */
export function observesFor(observed: ResolvedRule, { expect, families, ...rule }: ResolvedRule): boolean {
  const hasFamilies = observed.families === undefined || sameValue(observed.families, families)
  const isSame = transportOf(observed.probe, observed) === transportOf(rule.probe, rule)
  return (
    isSame &&
    hasFamilies &&
    (!demandsOf(expect) || differing(optionsOf(observed), optionsOf({ ...rule, expect })).length === 0)
  )
}

/** An unknown probe has no options; the judge reports it. */
const optionsFor = (probe: string, expect: object): Options =>
  (findProtocol(probe)?.optionsFor(expect as never) ?? {}) as Options

/** Whether an expectation demands more than a state. */
const demandsOf = ({ state: _, hostAnswered: __, onlyOpen: ___, ...groups }: ResolvedExpectation): boolean =>
  Object.values(groups).some((group) => group !== undefined)

const entriesOf = (options: Options) => options as Readonly<Record<string, unknown>>

function merge(one: Options, other: Options): object {
  const merged = Object.entries(entriesOf(other)).map(([name, value]) => [name, add(entriesOf(one)[name], value)])
  return { ...one, ...Object.fromEntries(merged) }
}

function add(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) return [...new Set([...one, ...other])]
  return one || other
}
