import type { MeasuredPath } from './trace.ts'

/** A hop that responded. */
export interface RespondingHop {
  hop: number
  address: string
}

/** What follows from a measured path. */
export interface PathSummary {
  /** The last hop that SYNs reach. */
  reached: RespondingHop | null
  /** The last hop that is known to forward SYNs. */
  lastForwarding: RespondingHop | null
  /** Hops to the host; null where nothing came back from it. */
  distance: number | null
  /** The least number of hops to the host. */
  leastDistance: number
}

/** Summarizes the path to a literal address. */
export function summarizePath({ outcome, endHop, rejectedBy, hops }: MeasuredPath, address: string): PathSummary {
  const responding = hops.flatMap(({ hop, address }) => (address === null ? [] : [{ hop, address }]))
  const reached = responding.at(-1) ?? null
  const isFromHost = outcome === 'connected' || outcome === 'reset' || rejectedBy?.address === address
  const distance = isFromHost ? endHop : null
  const rejecting =
    rejectedBy && hops.find((hop) => hop.address === rejectedBy.address || hop.others.includes(rejectedBy.address))
  /** The hop of the last device that is known to have seen a SYN. */
  const last = distance ?? rejecting?.hop ?? (endHop === null ? reached?.hop : endHop)
  return {
    reached,
    lastForwarding: responding.findLast(({ hop }) => last !== undefined && hop < last) ?? null,
    distance,
    // A router reports an absent host after seconds, so smaller hop limits than `endHop` may appear silent.
    leastDistance: distance ?? (reached?.hop ?? 0) + 1,
  }
}
