import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves after `ms`, or when the signal comes. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => {}) // it rejects for the signal and nothing else; who waits looks at that
