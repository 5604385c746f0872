import { setImmediate } from 'node:timers/promises'

/** Work between two pauses, in milliseconds. */
const turnMs = 10

/**
 * For long work in small steps: call the result after each step and await what it returns. It returns a promise when the steps
 * since the last pause took so long that other work should run first.
 */
export function createPace(): () => Promise<void> | undefined {
  let startedAt = performance.now()
  return () => {
    if (performance.now() - startedAt < turnMs) return undefined
    return setImmediate().then(() => {
      startedAt = performance.now()
    })
  }
}

/** Runs a generator to its end with such pauses, and returns its result. */
export async function runPaced<T>(steps: Generator<void, T>): Promise<T> {
  const pause = createPace()
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await pause()
  }
}
