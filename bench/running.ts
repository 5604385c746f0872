const running = new Set<() => Promise<void>>()

/** The same `stop`; until it is called, `stopAll` calls it too. */
export function noteRunning(stop: () => Promise<void>): () => Promise<void> {
  running.add(stop)
  return async () => {
    running.delete(stop)
    await stop()
  }
}

/** Stops everything that a bench started and did not stop, the newest first. */
export async function stopAll(): Promise<void> {
  for (const stop of [...running].reverse()) await stop()
}
