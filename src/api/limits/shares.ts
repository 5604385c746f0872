/** How much of something scarce one owner may hold, and all owners together. */
export interface ShareLimits {
  perOwner: number
  inAll: number
}

/** What is exhausted: the share of the owner, or everything. */
export type Exhausted = 'owner' | 'all'

/** Counts what owners hold of something scarce, so that no owner can take it all. */
export interface Shares {
  /** Takes `amount`, or takes nothing and says what is exhausted. */
  take(owner: string, amount?: number): Exhausted | undefined
  give(owner: string, amount?: number): void
  held(owner: string): number
}

export function createShares({ perOwner, inAll }: ShareLimits): Shares {
  const holders = new Map<string, number>()
  let total = 0
  const held = (owner: string) => holders.get(owner) ?? 0
  return {
    held,
    take(owner, amount = 1) {
      if (held(owner) + amount > perOwner) return 'owner'
      if (total + amount > inAll) return 'all'
      holders.set(owner, held(owner) + amount)
      total += amount
      return undefined
    },
    give(owner, amount = 1) {
      const left = held(owner) - amount
      total -= amount
      if (left > 0) holders.set(owner, left)
      else holders.delete(owner)
    },
  }
}
