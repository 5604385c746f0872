/** What every starter returns beside its own facts: `stop` may be called more than once, `await using` calls it too. */
export interface Peer extends AsyncDisposable {
  stop: () => Promise<void>
}

/** Where a peer listens; a free port of 127.0.0.1 by default. */
export interface At {
  host?: string
  port?: number
}

/** Adds `stop` and the disposer to a peer's facts. The steps of stopping run in order, each even if one before it failed. */
export function asPeer<Facts extends object>(facts: Facts, ...steps: (() => Promise<unknown>)[]): Facts & Peer {
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= runAll(steps)
    return stopping
  }
  return Object.assign(facts, { stop, [Symbol.asyncDispose]: stop })
}

async function runAll(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'a peer did not stop cleanly')
}
