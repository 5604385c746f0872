/**
 * One deadline over a whole probe, on the monotonic clock. After a blocked event loop, a response that the kernel already
 * holds must not become a timeout: `onExpiry` waits one turn of the poll phase.
 */
export interface Deadline {
  /** Milliseconds left, never negative. */
  remainingMs(): number
  /** Calls back once when the time is over, after one turn of grace. Returns a function that cancels it. */
  onExpiry(callback: () => void): () => void
  /** Whether anything waited until the time was over, also the time of a share. */
  readonly expired: boolean
  /** A deadline for one of `count` steps that are left. Each step of a patient deadline has the whole time. */
  share(count: number): Deadline
}

/** The deadline of a try, for its owner. */
export interface TryDeadline extends Deadline {
  expired: boolean
  /** Allows later waits at least `ms` milliseconds from now; without `ms`, a patient deadline allows its own time. */
  extend(ms?: number): void
}

/** A deadline `ms` milliseconds from now; a patient one gives each connection and each share that time again. */
export const createDeadline = (ms: number, isPatient = false): TryDeadline =>
  new MonotonicDeadline(ms, isPatient ? ms : undefined)

/** A class, because every try of every check has one, and closures cost memory. */
class MonotonicDeadline implements TryDeadline {
  readonly #shareMs: number | undefined
  readonly #whole: MonotonicDeadline | undefined
  #endsAt: number
  expired = false

  constructor(ms: number, shareMs?: number, whole?: MonotonicDeadline) {
    this.#endsAt = performance.now() + ms
    this.#shareMs = shareMs
    this.#whole = whole
  }

  share(count: number): Deadline {
    return new MonotonicDeadline(this.#shareMs ?? this.remainingMs() / count, this.#shareMs, this)
  }

  extend(ms = this.#shareMs): void {
    if (ms !== undefined) this.#endsAt = Math.max(this.#endsAt, performance.now() + ms)
  }

  #expire(): void {
    this.expired = true
    if (this.#whole) this.#whole.#expire()
  }

  remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  onExpiry(callback: () => void): () => void {
    let canceled = false
    // The first runs after the poll phase that delivers what arrived, the second after its handlers.
    const grace = () => setImmediate(() => setImmediate(expire))
    const expire = () => {
      if (canceled) return
      this.#expire()
      callback()
    }
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
