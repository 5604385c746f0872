import type { AddressResult } from './observation.ts'

/** Addresses of a name that one check probes; the others are one result without an address. */
export const maxAddresses = 64
/** Of the facts of one observation, see `sizeOf`. */
export const maxFactsSize = 65_536
/** Of the facts of one batch: with all that surrounds them they fit into a delivery of 32 MiB. */
export const maxBatchFactsSize = 24 * 1024 * 1024

interface Bounded {
  addressResults: readonly { state: AddressResult['state']; reason: AddressResult['reason']; facts: object }[]
}

/** The length as JSON, and 16 more for each item of a list: values cost memory too. */
export const sizeOf = (facts: object): number =>
  JSON.stringify(facts).length + listsIn(facts).reduce((sum, { items }) => sum + itemCost * items, 0)
const itemCost = 16

/**
 * Bounds the facts of all observations together. Lists are left out as a whole, the largest first, and named in `omitted`: a
 * shortened list would pass for a complete one. States, reasons and single values stay, because they decide most rules.
 * A peer whose single values alone exceed the limit gives `unknown` (`response-too-large`).
 */
export function boundFacts<O extends Bounded>(observations: readonly O[], maxSize: number): O[] {
  if (observations.every(hasNoFacts)) return [...observations] // most checks, and the rest is costly
  const sizes = observations.map(({ addressResults }) => addressResults.map(({ facts }) => sizeOf(facts)))
  let excess = sizes.flat().reduce((sum, size) => sum + size, -maxSize)
  if (excess <= 0) return [...observations]
  const bounded = structuredClone(observations) as O[]
  const results = bounded.flatMap(({ addressResults }) => addressResults)
  const lists = results.flatMap((result) => listsIn(result.facts).map((list) => ({ ...list, result })))
  for (const { result, path, size } of lists.sort((a, b) => b.size - a.size)) {
    if (excess <= 0) return bounded
    const name = omit(result.facts, path)
    excess -= size - JSON.stringify({ omitted: [name] }).length
  }
  const left = results.map((result) => ({ result, size: sizeOf(result.facts) }))
  for (const { result, size } of left.sort((a, b) => b.size - a.size)) {
    if (excess <= 0) return bounded
    Object.assign(result, { state: 'unknown', reason: 'response-too-large', facts: {} })
    excess -= size
  }
  return bounded
}

const hasNoFacts = ({ addressResults }: Bounded): boolean =>
  addressResults.every(({ facts }) => Object.keys(facts).length === 0)

interface FoundList {
  path: string[]
  items: number
  /** As `sizeOf` counts it. */
  size: number
}

/** The lists of facts; no list holds another. */
function listsIn(facts: object, parent: string[] = []): FoundList[] {
  return Object.entries(facts).flatMap(([name, value]: [string, unknown]) => {
    const path = [...parent, name]
    if (path.length === 1 && name === 'omitted') return []
    if (Array.isArray(value))
      return [{ path, items: value.length, size: JSON.stringify(value).length + itemCost * value.length }]
    return typeof value === 'object' && value !== null ? listsIn(value, path) : []
  })
}

/** Removes a list and returns its name in `omitted`. */
function omit(facts: object & { omitted?: string[] }, path: readonly string[]): string {
  const within = (parent: object, name: string) => parent[name as never] as object
  const parent = path.slice(0, -1).reduce(within, facts)
  delete parent[path.at(-1) as never]
  const name = path.join('/')
  facts.omitted = [...(facts.omitted ?? []), name].sort()
  return name
}
