import { isIPv4 } from 'node:net'
import { canonicalAddress } from './endpoint.ts'
import type { AddressResult, Observation } from './observation.ts'
import { isLeftOut } from './reasons.ts'

/** The address families that a rule can name. */
export const families = ['ipv4', 'ipv6'] as const
export type Family = (typeof families)[number]

export const familyOf = (address: string): Family => (isIPv4(canonicalAddress(address)) ? 'ipv4' : 'ipv6')

/**
 * Selects the address results that a rule is judged on: those of the families that it names, possibly none. A rule that
 * names none is judged on what the vantage may and can reach, or, without such an address, on all.
 */
export function countedOf(
  results: readonly AddressResult[],
  named: readonly Family[] | undefined,
): readonly AddressResult[] {
  if (named) return results.filter(({ address }) => address === null || named.includes(familyOf(address)))
  const reached = results.filter((result) => !isLeftOut(result))
  return reached.length > 0 ? reached : results
}

/** The observation as if only the families that a rule names had been probed. */
export function ofFamilies(seen: Observation, named: readonly Family[] | undefined): Observation {
  if (!named) return seen
  const [first = noAddress, ...rest] = countedOf(seen.addressResults, named)
  return { ...seen, addressResults: [first, ...rest] }
}

const noAddress: AddressResult = {
  address: null,
  state: 'unresolved',
  reason: 'no-address-of-family',
  facts: {},
  latencyMs: null,
  attempts: 0,
}
