import { isFromHost, isSilent } from './host-response.ts'
import type { AddressResult, Observation } from './observation.ts'

type Report = Pick<AddressResult, 'state' | 'reason' | 'rejectedBy'>

/** What a result reports of its host. */
export const reportOf = ({ state, reason, rejectedBy }: Report): Report =>
  rejectedBy === undefined ? { state, reason } : { state, reason, rejectedBy }

/**
 * Explains the silence of ports by the other observations of a batch: where one reports that there is no path to the address,
 * or no host, and none shows a response of the host, silence is not that of a filter. Routers limit their messages, so that
 * only some of the ports of an absent host are reported.
 */
export function explainSilence(observations: readonly Observation[]): Observation[] {
  const reports = new Map<string, Report>()
  const responded = new Set<string>()
  for (const { addressResults } of observations)
    for (const result of addressResults) {
      const { address, state, hostAnswered } = result
      if (address === null) continue
      if (isFromHost(result, address) || hostAnswered) responded.add(address)
      else if (state === 'unreachable' && !reports.has(address)) reports.set(address, reportOf(result))
    }
  if (reports.size === 0) return [...observations]
  const explain = (result: AddressResult): AddressResult => {
    const { address, hostAnswered: _, ...rest } = result
    const report = address !== null && !responded.has(address) && isSilent(result) ? reports.get(address) : undefined
    return report ? { address, ...rest, ...report } : result
  }
  return observations.map((seen) => ({
    ...seen,
    addressResults: seen.addressResults.map(explain) as Observation['addressResults'],
  }))
}
