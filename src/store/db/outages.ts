import { setTimeout as pause } from 'node:timers/promises'

/**
 * SQLSTATE: a connection that fails or is refused, a database that is gone or read-only, a transaction or statement that the server
 * broke off to save itself or another, resources that are used up (53100 is a full disk), a server that shuts down or starts.
 */
const unavailableState = /^(08...|25006|25P0[34]|28...|3D000|40(001|P01)|53...|55P03|57014|57P0[1-5]|58030)$/
/** Error codes of Node, system calls, kinds of Prisma's adapter, codes of Prisma. */
const unavailableKinds =
  /^(E(CONN(REFUSED|RESET|ABORTED)|NOTFOUND|AI_.*|TIMEDOUT|PIPE|(HOST|NET)(UNREACH|DOWN)|NETRESET|ADDRNOTAVAIL|NOTCONN|[MN]FILE|NOBUFS|NOSPC|DQUOT|PROTO)|ERR_(TLS|SSL)_.*|connect|getaddrinfo|DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections|TlsConnectionError|DatabaseAccessDenied|AuthenticationFailed|DatabaseDoesNotExist|TransactionWriteConflict|P10(0[01238]|1[017])|P20(24|28|34|37))$/
/** The driver, its pool and the queue give these no code. */
const unavailableMessages =
  /^(Connection terminated|Client (has encountered a connection error|was closed)|timeout (expired|exceeded when trying to connect)|Query read timeout|Cannot use a pool after calling end|The server does not support SSL|There was an error establishing an SSL|Received unexpected \w+ message from backend|SASL: |Database not opened|LISTEN\/NOTIFY )/

/** Whether an error says that the database cannot do its work for now: later the same request may be carried out. */
export function isUnavailable(error: unknown): boolean {
  return wordsOf(error).some(
    (word) => unavailableState.test(word) || unavailableKinds.test(word) || unavailableMessages.test(word),
  )
}

/** SQLSTATE: data, constraints, names and privileges, limits. */
const refusedState = /^(22|23|42|54)...$/

/** The SQLSTATE of an error that says that the database will never accept these values; undefined for other errors. */
export function refusalOf(error: unknown): string | undefined {
  return wordsOf(error).find((word) => refusedState.test(word))
}

/** Codes, system calls, kinds and messages of an error and of its causes. */
function wordsOf(error: unknown, depth = 5): string[] {
  if (typeof error !== 'object' || error === null || depth === 0) return []
  const { code, syscall, originalCode, kind, message, cause, meta } = error as Record<string, unknown>
  const inner = (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError
  const own = [code, syscall, originalCode, kind, message].filter((word) => typeof word === 'string')
  return [...own, ...wordsOf(cause, depth - 1), ...wordsOf(inner, depth - 1)]
}

/**
 * Does `work` again while the database cannot do its part, for `patienceMs` at most: for work that has cost something already,
 * and that changes nothing when it is done twice.
 */
export async function throughOutages<T>(work: () => Promise<T>, patienceMs = 20_000): Promise<T> {
  for (const until = performance.now() + patienceMs; ; ) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error) || performance.now() >= until) throw error
      await pause(100 + Math.random() * 400) // spreads the retries of processes
    }
  }
}
