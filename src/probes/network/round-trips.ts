import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { parseLiteral } from './ip-literal.ts'

/** The round trips to the networks that are probed: /24 for IPv4, /64 for IPv6. */
export interface RoundTrips {
  /** Adds a sample: a host has responded to a connection attempt after this time. */
  add(address: string, roundTripMs: number): void
  /** The retransmission timeout of the network of an address; undefined if no host in it has responded within `withinMs`. */
  timeoutMs(address: string, withinMs: number): number | undefined
}

interface Estimate {
  smoothedMs: number
  variationMs: number
  respondedAt: number
}

// RFC 6298 section 2: alpha, beta and K.
const smoothing = 1 / 8
const variationSmoothing = 1 / 4
const variations = 4

/** Linux sends a SYN again after a second, so a longer time may be that of the second SYN: no sample (section 3, Karn). */
const ambiguousMs = 900

/** Networks in memory; the one that has been silent for longest is forgotten. */
const maxNetworks = 10_000

/** Estimates round trips by RFC 6298, with a lower bound for the timeout. `now` in milliseconds. */
export function createRoundTrips({ floorMs, now }: { floorMs: number; now: () => number }): RoundTrips {
  const networks = new Map<string, Estimate>()
  return {
    add(address, roundTripMs) {
      const network = networkOf(address)
      const known = networks.get(network)
      const estimate = known ?? firstEstimate(roundTripMs)
      if (known && roundTripMs < ambiguousMs) refine(known, roundTripMs)
      estimate.respondedAt = now()
      networks.delete(network) // so that the map is in the order of the last responses
      networks.set(network, estimate)
      if (networks.size <= maxNetworks) return
      const [oldest] = networks.keys()
      if (oldest !== undefined) networks.delete(oldest)
    },
    timeoutMs(address, withinMs) {
      const known = networks.get(networkOf(address))
      if (!known || known.respondedAt < now() - withinMs) return undefined
      return Math.max(floorMs, known.smoothedMs + variations * known.variationMs)
    },
  }
}

const firstEstimate = (sampleMs: number): Estimate =>
  sampleMs < ambiguousMs
    ? { smoothedMs: sampleMs, variationMs: sampleMs / 2, respondedAt: 0 }
    : { smoothedMs: ambiguousMs, variationMs: 0, respondedAt: 0 }

function refine(estimate: Estimate, sampleMs: number): void {
  const { smoothedMs, variationMs } = estimate
  estimate.variationMs += variationSmoothing * (Math.abs(smoothedMs - sampleMs) - variationMs)
  estimate.smoothedMs += smoothing * (sampleMs - smoothedMs)
}

function networkOf(address: string): string {
  if (isIPv4(address)) return address.slice(0, address.lastIndexOf('.'))
  const ip = parseLiteral(address)
  return ip instanceof ipaddr.IPv6 ? ip.parts.slice(0, 4).join(':') : address
}
