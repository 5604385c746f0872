/** How one try ended, and whether it was silent: then it proves nothing yet. */
export interface Tried<R> {
  result: R
  isSilent: boolean
}

export interface RunningTry<R> {
  ended: Promise<Tried<R>>
  /** Whether nothing has come from the peer yet, so that another try may run beside this one. */
  isSilent(): boolean
}

export interface TriesOptions<R> {
  tries: number
  /** The pause between two tries that do not overlap; the second is twice as long, and so on. */
  spacingMs: number
  /** After which time the next try may begin beside this one; undefined: when this one has ended. */
  overlapMs(): number | undefined
  /** Starts a try, which calls `onSent` with its first packet; the last one must decide. */
  start(isLast: boolean, onSent: () => void): RunningTry<R>
}

/**
 * Repeats a silent check: the first response to any try decides, and silence only after every try has waited its whole time. So
 * overlapping tries are as certain for slow peers and lost packets as tries one after the other. Rejects if a try does.
 */
export function repeatSilent<R>({ tries, spacingMs, overlapMs, start }: TriesOptions<R>) {
  return new Promise<{ result: R; attempts: number }>((resolve, reject) => {
    let started = 0
    let attempts = 0 // with a first packet
    let running = 0
    let sentAt = 0
    let settled = false
    let timer: NodeJS.Timeout | undefined
    const wait = (ms: number, then: () => void) => {
      clearTimeout(timer)
      if (!settled) timer = setTimeout(then, ms)
    }
    const settle = (done: () => void) => {
      settled = true
      clearTimeout(timer)
      done()
    }
    /** How long to wait for the next try, if the network responds. */
    const leftMs = () => {
      const afterMs = overlapMs()
      return afterMs === undefined ? undefined : Math.max(0, afterMs * started - (performance.now() - sentAt))
    }
    const startNext = () => {
      started += 1
      running += 1
      const isLast = started === tries
      const one = start(isLast, () => {
        attempts += 1
        sentAt = performance.now()
        if (!isLast) wait(leftMs() ?? spacingMs, proceed)
      })
      /** Starts the next try beside this one, as soon as the network is known to respond. */
      function proceed() {
        const ms = one.isSilent() ? leftMs() : undefined
        if (ms === 0) startNext()
        else wait(Math.max(ms ?? spacingMs, 1), proceed)
      }
      one.ended.then(
        ({ result, isSilent }) => {
          running -= 1
          if (settled) return
          if (!isSilent || (running === 0 && started === tries)) settle(() => resolve({ result, attempts }))
          else if (running === 0) wait(leftMs() ?? spacingMs * started, startNext)
        },
        (error: unknown) => settle(() => reject(error)),
      )
    }
    startNext()
  })
}
