/** The result of one check. */
export interface Check {
  name: string
  /** `warn`: it works, and will not or not well; `skip`: it could not be made. */
  state: 'ok' | 'warn' | 'fail' | 'skip'
  /** What was found, and what to do about it. */
  message: string
}

export type Checks = AsyncGenerator<Check, void>

export const ok = (name: string, message: string): Check => ({ name, state: 'ok', message })
export const warn = (name: string, message: string): Check => ({ name, state: 'warn', message })
export const fail = (name: string, message: string): Check => ({ name, state: 'fail', message })
export const skip = (name: string, message: string): Check => ({ name, state: 'skip', message })

/** Runs a check; it fails with the message of what it throws. */
export async function attempt(name: string, make: () => Promise<Check> | Check): Promise<Check> {
  try {
    return await make()
  } catch (error) {
    return fail(name, messageOf(error))
  }
}

/** The cause of a failed request says more than the error. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.message === 'fetch failed' ? error.cause.message : error.message
}
