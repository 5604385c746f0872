/** A queue of one vantage, whose items are lent to agents. */
interface Lendable<T> {
  take(): Promise<T | undefined>
  /** Returns an item to the queue. */
  handBack(item: T): Promise<void>
  /** Resolves when there may be an item, after `ms`, or when the signal comes. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

/** Lends an item; where none waits, up to `waitMs` later, or undefined. Nothing is lent once the signal has come. */
export async function lend<T>(
  { take, handBack, wait }: Lendable<T>,
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<T | undefined> {
  const until = performance.now() + waitMs
  for (;;) {
    const polled = new AbortController()
    const woken = wait(Math.max(0, until - performance.now()), AbortSignal.any([signal, polled.signal]))
    const taken = signal.aborted ? undefined : await take()
    if (taken || signal.aborted) polled.abort()
    if (taken && signal.aborted) await handBack(taken) // nothing delivers it to the agent
    if (signal.aborted) return undefined
    if (taken) return taken
    await woken
    if (performance.now() >= until) return undefined
  }
}
