/** Gives up on probes that do not end, although each keeps its deadline itself. One timer watches all of them. */
export interface OverdueWatch {
  /** Rejects if `running` does not end within `ms`, or some time more. */
  within<T>(running: Promise<T>, ms: number): Promise<T>
}

interface Watched {
  ms: number
  endsAt: number
  /** Found overdue before: if the event loop was late, the probe's own deadline comes first. */
  warned: boolean
  giveUp: (error: Error) => void
}

const sweepMs = 1_000

export function createOverdueWatch(): OverdueWatch {
  const all = new Set<Watched>()
  let timer: NodeJS.Timeout | undefined

  const sweep = () => {
    const now = performance.now()
    for (const watched of all) {
      if (watched.endsAt > now) continue
      if (watched.warned) {
        all.delete(watched)
        watched.giveUp(new Error(`a probe did not end ${watched.ms} ms after its time`))
      } else Object.assign(watched, { warned: true, endsAt: now + watched.ms })
    }
    if (all.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }

  return {
    within(running, ms) {
      return new Promise((resolve, reject) => {
        const watched: Watched = { ms, endsAt: performance.now() + ms, warned: false, giveUp: reject }
        all.add(watched)
        timer ??= setInterval(sweep, sweepMs).unref()
        running.then(
          (value) => {
            all.delete(watched)
            resolve(value)
          },
          (error) => {
            all.delete(watched)
            reject(error)
          },
        )
      })
    },
  }
}
