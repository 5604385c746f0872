/** Deadlines of numbered entries, on a clock of milliseconds; adding, removing and expiring cost the same for any number. */
export interface Wheel {
  /** Adds an entry that the wheel does not hold. */
  add(entry: number, endsAt: number): void
  remove(entry: number): void
  /** Removes the entries whose deadline is over and returns them, valid until the next call. Never early. */
  expire(now: number): readonly number[]
  /** How long nothing expires, up to `most`; zero if something may be due. */
  quietMs(now: number, most: number): number
}

const tickMs = 4
const ticks = 2_048

/** A hashed timing wheel (Varghese and Lauck, 1987) for entries below `capacity`. */
export function createWheel(capacity: number, now: number): Wheel {
  // Entries of one tick are a ring of links through its sentinel, `capacity + tick`.
  const next = Int32Array.from({ length: capacity + ticks }, (_, i) => i)
  const previous = next.slice()
  const ends = new Float64Array(capacity)
  const expired: number[] = []
  let current = Math.floor(now / tickMs)
  let held = 0

  const at = (links: Int32Array, entry: number): number => links[entry] as number
  const sentinel = (tick: number): number => capacity + (tick % ticks)
  const remove = (entry: number) => {
    const [before, after] = [at(previous, entry), at(next, entry)]
    if (before === entry) return // not held
    next[before] = after
    previous[after] = before
    next[entry] = entry
    previous[entry] = entry
    held -= 1
  }
  const expireTick = (tick: number, now: number) => {
    const end = sentinel(tick)
    for (let entry = at(next, end); entry !== end; ) {
      const following = at(next, entry)
      if ((ends[entry] as number) <= now) {
        remove(entry)
        expired.push(entry)
      }
      entry = following
    }
  }

  return {
    add(entry, endsAt) {
      ends[entry] = endsAt
      const end = sentinel(Math.max(current, Math.floor(endsAt / tickMs)))
      const last = at(previous, end)
      next[last] = entry
      previous[entry] = last
      next[entry] = end
      previous[end] = entry
      held += 1
    },
    remove,
    expire(now) {
      expired.length = 0
      const reached = Math.floor(now / tickMs)
      if (held > 0) {
        const first = Math.max(current, reached - ticks + 1) // one round covers every tick
        for (let tick = first; tick <= reached; tick += 1) expireTick(tick, now)
      }
      current = reached
      return expired
    },
    quietMs(now, most) {
      if (held === 0) return most
      for (let tick = current; tick * tickMs < now + most; tick += 1) {
        const end = sentinel(tick)
        if (at(next, end) !== end) return Math.min(most, Math.max(0, (tick + 1) * tickMs - now))
      }
      return most
    },
  }
}
