import type { AddressResult } from './observation.ts'

/** Addresses of a name that one check probes; the others are one result without an address. */
export const maxAddresses = 64
/** Of the facts of one observation, see `sizeOf`. */
export const maxFactsSize = 65_536
/** Of the facts of one batch: with all that surrounds them they fit into a delivery of 32 MiB. */
export const maxBatchFactsSize = 24 * 1024 * 1024
/** JSON values of a delivery: 500 checks of 64 addresses have 300,000 without facts. */
export const maxDeliveryValues = 500_000
const batchItemCost = 128

interface Bounded {
  addressResults: readonly { state: AddressResult['state']; reason: AddressResult['reason']; facts: object }[]
}

/** The length as JSON, and 16 more for each item of a list: values cost memory too. */
export const sizeOf = (facts: object): number => measure(facts, itemCost)
const itemCost = 16

const measure = (facts: object, perItem: number): number =>
  hasKeys(facts) ? listsIn(facts, perItem).reduce((sum, { items }) => sum + perItem * items, jsonLength(facts)) : 0
const hasKeys = (facts: object) => Object.keys(facts).length > 0
const jsonLength = (value: unknown) => JSON.stringify(value).length

/** Bounds the facts of a batch, so that its delivery is not refused. */
export const boundBatch = <O extends Bounded>(observations: readonly O[]): O[] =>
  boundFacts(observations, maxBatchFactsSize, batchItemCost)

/**
 * Bounds the facts of all observations together. Only the largest observations lose facts, so that one peer does not cost others
 * theirs. Lists are left out as a whole, the largest first, and named in `omitted`: a shortened list would pass for a complete
 * one. States, reasons and single values stay, because they decide most rules. A peer whose single values alone exceed the limit
 * gives `unknown` (`response-too-large`).
 */
export function boundFacts<O extends Bounded>(observations: readonly O[], maxSize: number, perItem = itemCost): O[] {
  const sizes = observations.map(({ addressResults }) =>
    addressResults.reduce((sum, { facts }) => sum + measure(facts, perItem), 0),
  )
  if (sizes.reduce((sum, size) => sum + size, 0) <= maxSize) return [...observations]
  const share = fairShare(sizes, maxSize)
  return observations.map((observation, i) =>
    (sizes[i] ?? 0) <= share ? observation : boundOne(observation, share, perItem),
  )
}

/** The largest size that all may have, so that the sum, which is larger, does not exceed `maxSize`. */
function fairShare(sizes: readonly number[], maxSize: number): number {
  let left = maxSize
  for (const [i, size] of sizes.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (sizes.length - i))
    if (size > share) return share
    left -= size
  }
  throw new RangeError('the sizes fit')
}

function boundOne<O extends Bounded>(observation: O, maxSize: number, perItem: number): O {
  const bounded = structuredClone(observation) as O
  const results = bounded.addressResults
  let excess = results.reduce((sum, { facts }) => sum + measure(facts, perItem), -maxSize)
  const lists = results.flatMap((result) => listsIn(result.facts, perItem).map((list) => ({ ...list, result })))
  for (const { result, path, size } of lists.sort((a, b) => b.size - a.size)) {
    if (excess <= 0) return bounded
    const name = omit(result.facts, path)
    excess -= size - jsonLength({ omitted: [name] })
  }
  const left = results.map((result) => ({ result, size: measure(result.facts, perItem) }))
  for (const { result, size } of left.sort((a, b) => b.size - a.size)) {
    if (excess <= 0) return bounded
    Object.assign(result, { state: 'unknown', reason: 'response-too-large', facts: {} })
    excess -= size
  }
  return bounded
}

interface FoundList {
  path: string[]
  items: number
  /** As `measure` counts it. */
  size: number
}

/** The lists of facts; no list holds another. */
function listsIn(facts: object, perItem: number, parent: string[] = []): FoundList[] {
  return Object.entries(facts).flatMap(([name, value]: [string, unknown]) => {
    const path = [...parent, name]
    if (path.length === 1 && name === 'omitted') return []
    if (Array.isArray(value)) return [{ path, items: value.length, size: jsonLength(value) + perItem * value.length }]
    return typeof value === 'object' && value !== null ? listsIn(value, perItem, path) : []
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
