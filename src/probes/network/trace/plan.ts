/** What one SYN with a hop limit has met. */
export type Reply =
  /** `ms` is null where a repeated SYN may have been reported. */
  | { kind: 'hop'; address: string; ms: number | null }
  | { kind: 'connected' | 'reset'; ms: number }
  | { kind: 'rejected'; address: string; type: number; code: number; ms: number }
  /** The kernel of the vantage resolved no neighbour. */
  | { kind: 'unreachable' }
  | { kind: 'silent' }

/** The replies by hop limit, in the order of their arrival. */
export type Replies = ReadonlyMap<number, readonly Reply[]>

export interface PlanLimits {
  maxHops: number
  /** Hop limits that are tried in one round. */
  window: number
  /**
   * Attempts for each hop. Load balancers may send them different ways, and routers limit the rate of ICMP errors, Linux to one a
   * second and peer; the kernel repeats the SYN of a silent attempt after a second.
   */
  attempts: number
  /** Silent hops after the last that responded, which end the trace. */
  gap: number
}

export const planLimits: PlanLimits = { maxHops: 30, window: 4, attempts: 2, gap: 4 }

/** The hop limits of the next round, with one attempt for each; empty where the path is known. */
export function nextRound(replies: Replies, limits: PlanLimits = planLimits): number[] {
  const { maxHops, window, attempts, gap } = limits
  const end = endOf(replies)
  if (!end && findLoop(replies) !== undefined) return []
  // Nothing is sent again from the first end on, because SYNs that arrive open connections.
  const last = Math.min(end ? end.hop - 1 : lastHop(replies) + gap, maxHops)
  const due: number[] = []
  for (let hop = 1; hop <= last && due.length < window; hop += 1) {
    if ((replies.get(hop)?.length ?? 0) < attempts) due.push(hop)
  }
  return due
}

/** The smallest hop limit at which something other than a hop ended the way, and what. */
export function endOf(replies: Replies): { hop: number; reply: End } | undefined {
  for (const [hop, some] of byHop(replies)) {
    const reply = some.find(isEnd)
    if (reply) return { hop, reply }
  }
  return undefined
}

/** A reply of something other than a hop. */
export type End = Exclude<Reply, { kind: 'hop' | 'silent' }>
export const isEnd = (reply: Reply): reply is End => reply.kind !== 'hop' && reply.kind !== 'silent'

const byHop = (replies: Replies) => [...replies].sort(([a], [b]) => a - b)

/** The last hop that responded; 0 without any. */
export const lastHop = (replies: Replies): number =>
  Math.max(0, ...[...replies].flatMap(([hop, some]) => (some.some(({ kind }) => kind === 'hop') ? [hop] : [])))

/** How often an address has to return. Paths of unequal length show one router at two distances, a loop shows it at each turn. */
const turns = 3

/** The hop at which the path returns to an address for the second time; load-balanced hops are no loop. */
export function findLoop(replies: Replies): number | undefined {
  const seen = new Map<string, number[]>()
  for (const [hop, some] of byHop(replies)) {
    for (const address of addressesOf(some)) {
      const at = [...(seen.get(address) ?? []), hop]
      seen.set(address, at)
      if (at.length >= turns) return hop
    }
  }
  return undefined
}

/** The addresses of a hop, in the order of their arrival. */
export const addressesOf = (replies: readonly Reply[] = []): string[] => [
  ...new Set(replies.flatMap((reply) => (reply.kind === 'hop' ? [reply.address] : []))),
]
