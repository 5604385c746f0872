import type { ResolvedRule } from '../policy/policy.ts'
import { transportOf } from '../protocols/index.ts'
import type { AddressResult, Observation } from './observation.ts'

/** What one port shows of its host: the host itself sent a packet, it sent none, or the vantage failed. */
export type HostResponse = 'responded' | 'silent' | 'failed'

/** Silence: the host may be absent, or a filter on the way drops all packets to the port. */
export const isSilent = ({ state, reason }: Pick<AddressResult, 'state' | 'reason'>): boolean =>
  state === 'filtered' && reason === 'no-response'

type Outcome = Pick<AddressResult, 'state' | 'reason' | 'rejectedBy'>

/** Whether the host at an address sent the deciding packet itself; a firewall can send a reset in its name. */
export const isFromHost = ({ state, reason, rejectedBy }: Outcome, address: string | null): boolean =>
  state === 'open' || reason === 'connection-refused' || (rejectedBy !== undefined && rejectedBy === address)

/** A port to which the egress policy lets no packet go shows nothing, in every audit. */
export function hostResponseOf(result: Outcome & Pick<AddressResult, 'address'>): HostResponse {
  const { state, reason, address } = result
  if (isFromHost(result, address)) return 'responded'
  return state === 'unknown' && reason !== 'egress-denied' ? 'failed' : 'silent'
}

/** `hostAnswered` by what the companions of a silent port show; undefined where that is not known of all of them. */
export function hostAnswered(responses: readonly (HostResponse | undefined)[]): boolean | undefined {
  if (responses.includes('responded')) return true
  return responses.every((response) => response === 'silent') ? false : undefined
}

/** What observations show of an address by its ports, one for each port given; undefined where they do not show it. */
export function responsesAt(
  address: string | null,
  ports: readonly number[],
  observations: readonly Observation[],
): (HostResponse | undefined)[] {
  const shown = new Map<number, HostResponse>()
  for (const { port, addressResults } of observations)
    for (const result of addressResults) {
      const response = result.address === address ? hostResponseOf(result) : 'failed'
      if (response !== 'failed' && shown.get(port) !== 'responded') shown.set(port, response)
    }
  return ports.map((port) => shown.get(port))
}

/** Companions of a check: enough to find a host that responds, few enough for a host that does not. */
export const maxCompanions = 20

/**
 * Returns the companions of each of these rules: the other ports that the policy names for the same host, from any zone, those
 * that may be open first. They depend on the policy and the parameters alone, not on what an audit selects.
 */
export function companionsOf(rules: readonly ResolvedRule[]): (rule: ResolvedRule) => number[] {
  const mayBeOpen = ({ expect }: ResolvedRule) => (expect.state ?? ['open']).includes('open')
  const streams = rules.filter((rule) => transportOf(rule.probe, rule) === 'tcp')
  const sorted = [...streams.filter(mayBeOpen), ...streams.filter((rule) => !mayBeOpen(rule))]
  const byHost = Map.groupBy(sorted, ({ host }) => host)
  const ports = new Map(Array.from(byHost, ([host, some]) => [host, [...new Set(some.map(({ port }) => port))]]))
  return ({ host, port }) => {
    const first = ports.get(host)?.slice(0, maxCompanions + 1) ?? []
    return first.filter((other) => other !== port).slice(0, maxCompanions)
  }
}
