import { setTimeout as pause } from 'node:timers/promises'

/**
 * SQLSTATE: a connection that fails, a transaction that the server broke off to save itself, resources that are used up (53100 is a full
 * disk), a server that shuts down or starts.
 */
const unavailableState = /^(08...|25006|53...|57P0[1-5])$/
/** Errors of the driver and its adapter. */
const unavailableKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  // the disk of this process is full
  'ENOSPC',
  'EDQUOT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'P1001',
  'P1017',
  'P2024',
  'P2028',
])

/** Whether an error says that the database cannot do its work for now: later the same request may be carried out. */
export function isUnavailable(error: unknown): boolean {
  return wordsOf(error).some(
    (word) =>
      unavailableState.test(word) || unavailableKinds.has(word) || word === 'Connection terminated unexpectedly', // the driver gives it no code
  )
}

/** SQLSTATE: data, constraints, names and privileges, limits. */
const refusedState = /^(22|23|42|54)...$/

/** The SQLSTATE of an error that says that the database will never accept these values; undefined for other errors. */
export function refusalOf(error: unknown): string | undefined {
  return wordsOf(error).find((word) => refusedState.test(word))
}

/** Codes, kinds and messages of an error and of its causes. */
function wordsOf(error: unknown, depth = 5): string[] {
  if (typeof error !== 'object' || error === null || depth === 0) return []
  const { code, originalCode, kind, message, cause, meta } = error as Record<string, unknown>
  const inner = (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError
  const own = [code, originalCode, kind, message].filter((word) => typeof word === 'string')
  return [...own, ...wordsOf(cause, depth - 1), ...wordsOf(inner, depth - 1)]
}

/**
 * Does `work` again while the database cannot do its part, for `patienceMs` at most: for work that has cost something already,
 * and that changes nothing when it is done twice.
 */
export async function throughOutages<T>(work: () => Promise<T>, patienceMs = 20_000): Promise<T> {
  for (const until = Date.now() + patienceMs; ; ) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error) || Date.now() >= until) throw error
      await pause(100 + Math.random() * 400) // spreads the retries of processes
    }
  }
}
