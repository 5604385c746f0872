import pg from 'pg'
import { SetupError } from '../../../domain/errors.ts'
import { pause } from '../../../runtime/sleep.ts'
import { connectionOptions } from '../connection.ts'
import { parseDatabaseUrl, refuseUrl, withParameters } from '../database-url.ts'
import { type SslMode, sslMode } from '../tls-options.ts'
import { dependsOnTls, describeFailure, failureKind } from './connect-failures.ts'
import { checkServer, type Purpose } from './server-checks.ts'

interface Preparation {
  purpose: Purpose
  /** How long to wait for a server that is away. */
  waitMs: number
  /** Ends the wait. */
  signal: AbortSignal
  log(line: string): void
}

const retryMs = 1_000
const reportEveryMs = 10_000

/**
 * Connects for the first time, waits for a server that is away, and checks it. Returns the URL with what was decided: `sslmode` is
 * not `allow` or `prefer` any more, and `schema` is named. Throws SetupError, which says what to change.
 */
export async function prepareDatabase(url: string, preparation: Preparation): Promise<string> {
  const { waitMs, signal, log } = preparation
  const began = performance.now()
  for (let reportedAt = Number.NEGATIVE_INFINITY; ; ) {
    try {
      return await inspect(url, preparation)
    } catch (error) {
      if (error instanceof SetupError || failureKind(error) !== 'away') throw error
      const now = performance.now()
      const leftMs = began + waitMs - now
      const state = `The database does not respond (${describeFailure(error)})`
      if (leftMs <= 0 || signal.aborted)
        throw new SetupError(`${state}; gave up after ${Math.round((now - began) / 1_000)} s`, { cause: error })
      if (now >= reportedAt + reportEveryMs) {
        log(`${state}; waiting ${Math.ceil(leftMs / 1_000)} s more`)
        reportedAt = now
      }
      await pause(Math.min(retryMs, leftMs), signal)
    }
  }
}

async function inspect(url: string, { purpose, log }: Preparation): Promise<string> {
  const { client, mode } = await connect(url)
  try {
    const { schema: requested, options: own } = parseDatabaseUrl(url).parameters
    const { schema, options, warnings } = await checkServer(client, { schema: requested, purpose })
    for (const warning of warnings) log(warning)
    const allOptions = options === undefined ? {} : { options: own === undefined ? options : `${own} ${options}` }
    return withParameters(url, { schema, sslmode: mode, ...allOptions })
  } finally {
    await client.end()
  }
}

/** What libpq tries, in this order. */
const attempts: Partial<Record<SslMode, readonly SslMode[]>> = {
  allow: ['disable', 'require'],
  prefer: ['require', 'disable'],
}

async function connect(url: string): Promise<{ client: pg.Client; mode: SslMode }> {
  const requested = sslMode(parseDatabaseUrl(url).parameters)
  let failure: unknown
  for (const mode of attempts[requested] ?? [requested]) {
    const client = new pg.Client(connectionOptions(withParameters(url, { sslmode: mode }), 'portwarden start'))
    client.on('error', () => {}) // what it breaks rejects
    try {
      await client.connect()
      return { client, mode }
    } catch (error) {
      await client.end()
      failure = error
      if (!dependsOnTls(error)) break
    }
  }
  if (failureKind(failure) === 'away') throw failure
  throw refuseUrl(describeFailure(failure))
}
