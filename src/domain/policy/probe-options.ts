import { findProtocol, type OptionsByProtocol, type ProtocolName } from '../protocols/index.ts'
import type { ResolvedExpectation, ResolvedRule } from './policy.ts'

type Options = OptionsByProtocol[ProtocolName]

/** Options that only add to what a probe sees. All others change it. */
const additive: ReadonlySet<string> = new Set(['offerVersions', 'plainBind'])

/** What a probe must examine beyond the least, so that the rule can be judged inside a window and outside. */
export function optionsOf({ probe, expect, insideWindow }: ResolvedRule): Options {
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
  const [one, other] = [outside, inside].map((expect) => entriesOf(optionsFor(probe, expect as ResolvedExpectation)))
  const names = new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})])
  return [...names].filter(
    (name) => !additive.has(name) && JSON.stringify(one?.[name]) !== JSON.stringify(other?.[name]),
  )
}

/** An unknown probe has no options; the judge reports it. */
const optionsFor = (probe: string, expect: ResolvedExpectation): Options =>
  (findProtocol(probe)?.optionsFor(expect as never) ?? {}) as Options

/** Whether an expectation demands more than a state. */
const demandsOf = ({ state: _, hostAnswered: __, ...groups }: ResolvedExpectation): boolean =>
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
