import pg from 'pg'
import { SetupError } from '../../../domain/errors.ts'
import { pause } from '../../../runtime/sleep.ts'
import { connectionOptions } from '../connection.ts'
import { isPooled, parseDatabaseUrl, refuseUrl, withParameters } from '../database-url.ts'
import { type SslMode, sslMode } from '../tls-options.ts'
import { dependsOnTls, describeFailure, failureKind, takesNoSettings } from './connect-failures.ts'
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

/** The URLs that were prepared; they are the same without a pooler. */
interface PreparedUrls {
  url: string
  /** Of PostgreSQL itself. */
  directUrl: string
}

/**
 * Connects for the first time, waits for a server that is away, and checks it. Returns the URLs with what was decided: `sslmode` is
 * not `allow` or `prefer` any more, `schema` is named, and so is a pooler (`pgbouncer`). Throws SetupError, which says what to change.
 */
export async function prepareDatabase(
  url: string,
  { directUrl, ...preparation }: Preparation & { directUrl?: string | undefined },
): Promise<PreparedUrls> {
  if (directUrl === undefined) {
    const withoutPooler = preparation.purpose === 'serve' ? { ...preparation, noPooler: needsDirectUrl } : preparation
    const { prepared } = await prepareUrl(url, withoutPooler)
    return { url: prepared, directUrl: prepared }
  }
  const direct = await prepareUrl(directUrl, { ...preparation, noPooler: 'name PostgreSQL itself' }).catch((error) => {
    throw error instanceof SetupError ? ofDirectUrl(error) : error
  })
  const { schema } = parseDatabaseUrl(direct.prepared).parameters
  const own = withParameters(url, { schema, ...parseDatabaseUrl(url).parameters })
  const { prepared, server } = await prepareUrl(own, preparation)
  if (server !== direct.server) throw new SetupError('DATABASE_DIRECT_URL names another database than DATABASE_URL')
  return { url: prepared, directUrl: direct.prepared }
}

const needsDirectUrl = 'name PostgreSQL itself in DATABASE_DIRECT_URL, for migrations and notifications'
const ofDirectUrl = ({ message }: SetupError) => new SetupError(message.replace(/^DATABASE_URL/, 'DATABASE_DIRECT_URL'))

interface Prepared {
  prepared: string
  /** Distinguishes databases of all servers. */
  server: string
}

/** `noPooler`: what to do where a pooler is refused. */
type UrlPreparation = Preparation & { noPooler?: string }

async function prepareUrl(url: string, preparation: UrlPreparation): Promise<Prepared> {
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

async function inspect(url: string, { purpose, log, noPooler }: UrlPreparation): Promise<Prepared> {
  const { client, found } = await connect(url)
  try {
    const { schema: requested, options: own, pgbouncer } = parseDatabaseUrl(found).parameters
    const pooled = pgbouncer === 'true'
    if (pooled && noPooler !== undefined) throw refuseUrl(`it leads to a pooler, such as pgbouncer; ${noPooler}`)
    const { schema, options, warnings, server } = await checkServer(client, { schema: requested, purpose, pooled })
    for (const warning of warnings) log(warning)
    const allOptions = options === undefined ? {} : { options: own === undefined ? options : `${own} ${options}` }
    return { prepared: withParameters(found, { schema, ...allOptions }), server }
  } finally {
    await client.end()
  }
}

/** What libpq tries, in this order. */
const attempts: Partial<Record<SslMode, readonly SslMode[]>> = {
  allow: ['disable', 'require'],
  prefer: ['require', 'disable'],
}

async function connect(url: string): Promise<{ client: pg.Client; found: string }> {
  const requested = sslMode(parseDatabaseUrl(url).parameters)
  let failure: unknown
  for (const mode of attempts[requested] ?? [requested]) {
    const found = withParameters(url, { sslmode: mode })
    const client = await tryConnect(found).catch((error: unknown) => {
      failure = error
    })
    if (client && (isPooled(found) || (await isSessionOf(client)))) return { client, found }
    await client?.end()
    if (client || takesNoSettings(failure)) return connect(withParameters(found, { pgbouncer: 'true' }))
    if (!dependsOnTls(failure)) break
  }
  if (failureKind(failure) === 'away') throw failure
  throw refuseUrl(describeFailure(failure))
}

async function tryConnect(url: string): Promise<pg.Client> {
  const client = new pg.Client(connectionOptions(url, 'portwarden start'))
  client.on('error', () => {}) // what it breaks rejects
  try {
    await client.connect()
    return client
  } catch (error) {
    await client.end()
    throw error
  }
}

/** Whether the process of the server is the one that was announced; a pooler announces one that it made up. */
async function isSessionOf(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid === (client as unknown as { processID: number | null }).processID
}
