/** Something that must end by itself within a time. */
export interface Watched {
  /** The time that it may take, in milliseconds from the call of `watch`. */
  readonly mayTakeMs: number
  giveUp(error: Error): void
}

/** Gives up on what does not end, although it keeps its deadline itself. One timer watches all of it. */
export interface OverdueWatch {
  /** Calls `giveUp` once, some time after the time is over, unless it is released before. */
  watch(watched: Watched): void
  release(watched: Watched): void
}

interface Limit {
  endsAt: number
  /** Found overdue before: if the event loop was late, the own deadline of what is watched comes first. */
  warned: boolean
}

const sweepMs = 1_000

export function createOverdueWatch(): OverdueWatch {
  const all = new Map<Watched, Limit>()
  let timer: NodeJS.Timeout | undefined

  const sweep = () => {
    const now = performance.now()
    for (const [watched, limit] of all) {
      if (limit.endsAt > now) continue
      if (limit.warned) {
        all.delete(watched)
        watched.giveUp(new Error(`a probe did not end ${watched.mayTakeMs} ms after its time`))
      } else Object.assign(limit, { warned: true, endsAt: now + watched.mayTakeMs })
    }
    if (all.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }

  return {
    watch(watched) {
      all.set(watched, { endsAt: performance.now() + watched.mayTakeMs, warned: false })
      timer ??= setInterval(sweep, sweepMs).unref()
    },
    release(watched) {
      all.delete(watched)
    },
  }
}
