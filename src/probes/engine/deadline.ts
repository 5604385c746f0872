/**
 * One deadline over a whole probe, on the monotonic clock. A timer that fires late because the event loop was blocked
 * must not turn an answer that already lies in the kernel into a timeout: `onExpiry` grants one turn of the poll phase.
 */
export interface Deadline {
  /** Milliseconds left, never negative. */
  remainingMs(): number
  /** Calls back once when the time is over, after one turn of grace. Returns the cancellation. */
  onExpiry(callback: () => void): () => void
}

/** A deadline `ms` milliseconds from now. */
export function createDeadline(ms: number): Deadline {
  const endsAt = performance.now() + ms
  const remainingMs = () => Math.max(0, endsAt - performance.now())
  return {
    remainingMs,
    onExpiry(callback) {
      let canceled = false
      // Two turns: setImmediate runs after the poll phase that delivers what has arrived, the second after its handlers.
      const grace = () => setImmediate(() => setImmediate(() => canceled || callback()))
      // Timers run on a clock of whole milliseconds that lags behind: without the extra one they fire early.
      const timer = setTimeout(grace, Math.ceil(remainingMs()) + 1)
      return () => {
        canceled = true
        clearTimeout(timer)
      }
    },
  }
}

const minPatienceMs = 250

/** How long to wait for a last word that a peer may owe: some round trips, and never beyond the deadline of the probe. */
export const createPatience = (connectMs: number, deadline: Deadline): Deadline =>
  createDeadline(Math.min(Math.max(minPatienceMs, 5 * connectMs), deadline.remainingMs()))
