import pg from 'pg'
import { errorCode, until } from '../../../runtime/poll.ts'
import { sessionOptions } from '../connection.ts'
import { type Directories, removeSocketDirectory, socketPort } from './directories.ts'
import { findPostmaster, holdsCluster, type Postmaster, roles, stopPostmaster } from './postmaster.ts'

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

/** Longer than the kernel takes to remove a killed process. */
const reopenTimeoutMs = 10_000

const settings = { connectionTimeoutMillis: 10_000, statement_timeout: patienceMs, options: sessionOptions }

/** The connection that holds a process's locks. While it lives, no other process stops the server. */
export interface Session {
  client: pg.Client
  postmaster: Postmaster
  state: 'opening' | 'held' | 'leaving' | 'lost'
}

/** Sets the server up, and connects as one of its users; waits while it recovers. */
export async function openSession(
  directories: Directories,
  postmaster: Postmaster,
  log: (line: string) => void,
): Promise<Session> {
  const session = await until(async () => {
    try {
      await setUp(directories)
      return await connect(postmaster, log)
    } catch (error) {
      // It recovers from a crash of one of its processes, or shuts down: its lock file shows the outcome.
      if (errorCode(error) === '57P03' && (await holdsCluster(directories, postmaster))) return undefined
      throw error
    }
  }, patienceMs)
  if (!session) throw new Error(`PostgreSQL (process ${postmaster.pid}) took no connection for ${patienceMs / 1000} s`)
  return session
}

async function connect(postmaster: Postmaster, log: (line: string) => void): Promise<Session> {
  const client = new pg.Client({
    host: postmaster.sockets,
    port: socketPort,
    user: roles.service,
    database: 'postgres',
    application_name: `portwarden ${process.pid}`,
    ...settings,
  })
  const session: Session = { client, postmaster, state: 'opening' }
  client.on('error', (error) => {
    if (session.state === 'held') log(`The connection to the embedded PostgreSQL broke: ${error.message}`)
    session.state = 'lost'
  })
  try {
    await client.connect()
    await client.query(`select pg_advisory_lock_shared(${use})`)
    session.state = 'held'
    return session
  } catch (error) {
    await client.end().catch(() => {}) // the error before it counts
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

/** Creates the role and the database of the service, unless they exist, and makes the role the owner of its data. */
async function setUp(directories: Directories): Promise<void> {
  await asAdmin(directories, 'postgres', async (client) => {
    const { rows } = await client.query<{ directory: string }>("select current_setting('data_directory') as directory")
    if (rows[0]?.directory !== directories.cluster) throw new Error(`${directories.sockets} leads to another server`)
    await client.query(`select pg_advisory_lock(${setUpLock})`) // released with the connection
    if (await isMissing(client, `pg_roles where rolname = '${roles.service}'`)) {
      await client.query(`create role ${roles.service} login`)
    }
    if (await isMissing(client, "pg_database where datname = 'portwarden'")) {
      await client.query(`create database portwarden owner ${roles.service}`)
    }
  })
  await asAdmin(directories, 'portwarden', async (client) => {
    await client.query(`select pg_advisory_lock(${setUpLock})`)
    await client.query(handOver)
  })
}

const setUpLock = `${lockClass}, 4`

const isMissing = async (client: pg.Client, from: string) => (await client.query(`select from ${from}`)).rowCount === 0

async function asAdmin<T>(
  { sockets }: Directories,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ host: sockets, port: socketPort, user: roles.admin, database, ...settings })
  client.on('error', () => {}) // the query that it breaks rejects
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Gives the role what the superuser created in this database before the service had a role of its own. */
const handOver = `do $$
declare one record;
begin
  if (select datdba from pg_database where datname = current_database()) <> '${roles.service}'::regrole then
    execute format('alter database %I owner to ${roles.service}', current_database());
  end if;
  for one in select format('alter schema %I owner to ${roles.service}', nspname) as statement from pg_namespace
    where nspowner = '${roles.admin}'::regrole and nspname !~ '^(pg_|information_schema)'
  union all select format('alter %s %s owner to ${roles.service}', case relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end, c.oid::regclass)
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where relowner = '${roles.admin}'::regrole and relkind in ('r', 'p', 'v', 'S') and nspname !~ '^(pg_|information_schema)'
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i') and d.classid = 'pg_class'::regclass and relkind = 'S')
  union all select format('alter routine %s owner to ${roles.service}', p.oid::regprocedure)
    from pg_proc p join pg_namespace n on n.oid = pronamespace
    where proowner = '${roles.admin}'::regrole and nspname !~ '^(pg_|information_schema)'
  union all select format('alter type %s owner to ${roles.service}', t.oid::regtype)
    from pg_type t join pg_namespace n on n.oid = typnamespace
    where typowner = '${roles.admin}'::regrole and typtype in ('e', 'd') and nspname !~ '^(pg_|information_schema)'
  loop execute one.statement; end loop;
end $$`

/** Releases the server, and stops it without other users; newcomers wait and restart it. */
export async function leaveServer(directories: Directories, session: Session): Promise<void> {
  const current = session.state === 'lost' ? await reopen(directories) : session
  if (!current) return
  current.state = 'leaving'
  const { client, postmaster } = current
  // One at a time: two that leave together would each see the other, and neither would stop the server.
  await client.query(`select pg_advisory_lock(${leave})`)
  await client.query(`select pg_advisory_unlock_shared(${use})`)
  const { rows } = await client.query<{ last: boolean }>(`select pg_try_advisory_lock(${use}) as last`)
  try {
    if (rows[0]?.last) {
      await stopPostmaster(directories, postmaster)
      await removeSocketDirectory(directories)
    }
  } finally {
    await client.end()
  }
}

/** A server that was killed refuses connections before its process is gone. */
async function reopen(directories: Directories): Promise<Session | undefined> {
  let cause: unknown
  const attempt = async () => {
    const postmaster = await findPostmaster(directories)
    if (!postmaster) return { session: undefined }
    try {
      return { session: await openSession(directories, postmaster, () => {}) }
    } catch (error) {
      cause = error
      return undefined
    }
  }
  const reopened = await until(attempt, reopenTimeoutMs)
  if (reopened) return reopened.session
  throw cause
}
