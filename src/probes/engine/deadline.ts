/**
 * One deadline over a whole probe, on the monotonic clock. After a blocked event loop, a response that the kernel already
 * holds must not become a timeout: `onExpiry` waits one turn of the poll phase.
 */
export interface Deadline {
  /** Milliseconds left, never negative. */
  remainingMs(): number
  /** Calls back once when the time is over, after one turn of grace. Returns a function that cancels it. */
  onExpiry(callback: () => void): () => void
}

/** A deadline `ms` milliseconds from now. */
export const createDeadline = (ms: number): Deadline => new MonotonicDeadline(performance.now() + ms)

/** A class, because every try of every check has one, and closures cost memory. */
class MonotonicDeadline implements Deadline {
  readonly #endsAt: number

  constructor(endsAt: number) {
    this.#endsAt = endsAt
  }

  remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  onExpiry(callback: () => void): () => void {
    let canceled = false
    // The first runs after the poll phase that delivers what arrived, the second after its handlers.
    const grace = () => setImmediate(() => setImmediate(() => canceled || callback()))
    // Timers use a lagging clock of whole milliseconds: without the extra one they fire early.
    const timer = setTimeout(grace, Math.ceil(this.remainingMs()) + 1)
    return () => {
      canceled = true
      clearTimeout(timer)
    }
  }
}

const minPatienceMs = 250

/** How long to wait for a last message that may come: a few round trips, never beyond the deadline. */
export const createPatience = (connectMs: number, deadline: Deadline): Deadline =>
  createDeadline(Math.min(Math.max(minPatienceMs, 5 * connectMs), deadline.remainingMs()))
