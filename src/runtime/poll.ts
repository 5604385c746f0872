import { setTimeout } from 'node:timers/promises'

/** Repeats a query until it has a value or `timeoutMs` pass. */
export async function until<T>(
  query: () => Promise<T | undefined>,
  timeoutMs: number,
  pauseMs = 20,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await query()
    if (value !== undefined || performance.now() >= deadline) return value
    await setTimeout(pauseMs)
  }
}

/** The `code` of an error, such as `ENOENT` or `57P03`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
