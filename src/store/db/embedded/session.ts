import pg from 'pg'
import { errorCode, until } from '../../../runtime/poll.ts'
import type { Directories } from './directories.ts'
import { findPostmaster, holdsCluster, type Postmaster, stopPostmaster } from './postmaster.ts'

/**
 * Session advisory locks: `own` by the process that the data directory belongs to, `use` shared by all that use the
 * server, `leave` by the one that is leaving. They are held in the database `postgres`, because a connection to
 * `portwarden` would keep it from being a template.
 */
const lockClass = 0x706f7274
const own = `${lockClass}, 1`
const use = `${lockClass}, 2`
const leave = `${lockClass}, 3`

/** Bounds every wait on this connection; longer than a server takes to stop, which is what a newcomer may wait for. */
const patienceMs = 90_000

/** The connection that holds a process's locks. As long as it lives, nobody else stops the server. */
export interface Session {
  client: pg.Client
  postmaster: Postmaster
  state: 'opening' | 'held' | 'leaving' | 'lost'
}

/** Connects, makes sure that it is the server of this very cluster, and signs in as one of its users. */
export async function openSession(
  directories: Directories,
  password: string,
  postmaster: Postmaster,
  log: (line: string) => void,
): Promise<Session> {
  const session = await until(async () => {
    try {
      return await connect(directories, password, postmaster, log)
    } catch (error) {
      // It recovers from a crash of one of its processes, or shuts down: its lock file tells how that ends.
      if (errorCode(error) === '57P03' && (await holdsCluster(directories, postmaster))) return undefined
      throw error
    }
  }, patienceMs)
  if (!session) throw new Error(`PostgreSQL (process ${postmaster.pid}) took no connection for ${patienceMs / 1000} s`)
  return session
}

async function connect(
  directories: Directories,
  password: string,
  postmaster: Postmaster,
  log: (line: string) => void,
): Promise<Session> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: postmaster.port,
    user: 'postgres',
    password,
    database: 'postgres',
    application_name: `portwarden ${process.pid}`,
    connectionTimeoutMillis: 10_000,
    statement_timeout: patienceMs,
  })
  const session: Session = { client, postmaster, state: 'opening' }
  client.on('error', (error) => {
    if (session.state === 'held') log(`The connection to the embedded PostgreSQL broke: ${error.message}`)
    session.state = 'lost'
  })
  try {
    await client.connect()
    const { rows } = await client.query<{ directory: string }>("select current_setting('data_directory') as directory")
    if (rows[0]?.directory !== directories.cluster) throw new Error(`Port ${postmaster.port} is another server's`)
    await client.query(`select pg_advisory_lock_shared(${use})`)
    session.state = 'held'
    return session
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
}

/** Takes the data directory for this process, unless another keeps it for `timeoutMs` longer. */
export async function takeOwnership({ client }: Session, timeoutMs: number): Promise<boolean> {
  try {
    await client.query(`set lock_timeout = ${timeoutMs}; select pg_advisory_lock(${own}); reset lock_timeout`)
    return true
  } catch (error) {
    if (errorCode(error) === '55P03') return false
    throw error
  }
}

/** Names the owner's process, or says that it is gone by now. */
export async function describeOwner({ client }: Session): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select application_name as name from pg_locks join pg_stat_activity using (pid)
      where locktype = 'advisory' and granted and (classid, objid) = (${own})`,
  )
  return rows[0]?.name.replace('portwarden', 'process') ?? 'which is just ending'
}

/** Creates the database that `url` names, unless it is there. */
export async function createDatabase({ client }: Session): Promise<void> {
  const { rowCount } = await client.query("select from pg_database where datname = 'portwarden'")
  if (rowCount) return
  await client.query('create database portwarden').catch((error: unknown) => {
    // Another process created it in between: 42P04 when it had finished, 23505 when not.
    if (errorCode(error) !== '42P04' && errorCode(error) !== '23505') throw error
  })
}

/** Gives the server up, and stops it when nobody else uses it; who comes meanwhile waits, and then starts it anew. */
export async function leaveServer(directories: Directories, password: string, session: Session): Promise<void> {
  const current = session.state === 'lost' ? await reopen(directories, password) : session
  if (!current) return
  current.state = 'leaving'
  const { client, postmaster } = current
  // One at a time: of two that leave at once, each would see the other, and none would stop the server.
  await client.query(`select pg_advisory_lock(${leave})`)
  await client.query(`select pg_advisory_unlock_shared(${use})`)
  const { rows } = await client.query<{ last: boolean }>(`select pg_try_advisory_lock(${use}) as last`)
  try {
    if (rows[0]?.last) await stopPostmaster(directories, postmaster)
  } finally {
    await client.end()
  }
}

async function reopen(directories: Directories, password: string): Promise<Session | undefined> {
  const postmaster = await findPostmaster(directories)
  return postmaster && openSession(directories, password, postmaster, () => {})
}
