import { setTimeout } from 'node:timers/promises'

/** Looks again and again until there is something to see, or `timeoutMs` have passed (then undefined). */
export async function until<T>(
  query: () => Promise<T | undefined>,
  timeoutMs: number,
  pauseMs = 20,
): Promise<T | undefined> {
  const giveUpAt = performance.now() + timeoutMs
  for (;;) {
    const seen = await query()
    if (seen !== undefined || performance.now() >= giveUpAt) return seen
    await setTimeout(pauseMs)
  }
}

/** The `code` of a system or PostgreSQL error (`ENOENT`, `57P03`), if it has one. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
