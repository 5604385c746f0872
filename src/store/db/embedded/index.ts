import { until } from '../../../runtime/poll.ts'
import { type Directories, prepareDirectory } from './directories.ts'
import { diagnose, findPostmaster, initialise, launchPostmaster, readPassword } from './postmaster.ts'
import { createDatabase, describeOwner, leaveServer, openSession, type Session, takeOwnership } from './session.ts'

export { clusterHome } from './directories.ts'

/** A running embedded server, which outlives this process unless it is stopped. */
export interface EmbeddedServer {
  /** Connects as the server's superuser to the database `portwarden`. */
  url: string
  /** Portwarden's data directory, absolute. */
  dataDir: string
  /** Whether the data directory belongs to this process, and not to another that it shares the server with. */
  owner: boolean
  /** Gives the server up; the last process to do so stops it. Close every other connection first: it would be cut. */
  stop(): Promise<void>
}

/** A data directory belongs to another process; the message says which and what to do. */
export class DirectoryInUseError extends Error {
  constructor(dataDir: string, owner: string) {
    super(
      `The data directory ${dataDir} is in use by another Portwarden (${owner}): stop that one, or set PORTWARDEN_DATA_DIR to give this one a directory of its own.`,
    )
    this.name = 'DirectoryInUseError'
  }
}

/** The lock of an owner that was killed goes when the server notices, which takes it milliseconds: wait that long. */
const ownershipTimeoutMs = { exclusive: 1_000, shared: 200 }

/**
 * Starts PostgreSQL for a data directory, or joins the one that runs there already (a killed process leaves it running).
 * With `exclusive` the directory must then belong to this process, or a DirectoryInUseError is thrown; without, the server
 * of another process is shared. It listens on 127.0.0.1 only, on a port that is picked at each start.
 */
export async function startEmbedded(options: {
  dataDir: string
  exclusive: boolean
  log?: (line: string) => void
}): Promise<EmbeddedServer> {
  const { exclusive, log = () => {} } = options
  const directories = await prepareDirectory(options.dataDir, log)
  await initialise(directories, log)
  const password = await readPassword(directories)
  const session = await joinServer(directories, password, log)
  try {
    const owner = await takeOwnership(session, ownershipTimeoutMs[exclusive ? 'exclusive' : 'shared'])
    if (exclusive && !owner) throw new DirectoryInUseError(directories.dataDir, await describeOwner(session))
    await createDatabase(session)
    const url = `postgresql://postgres:${password}@127.0.0.1:${session.postmaster.port}/portwarden`
    let stopped: Promise<void> | undefined
    return {
      url,
      dataDir: directories.dataDir,
      owner,
      stop: () => (stopped ??= leaveServer(directories, password, session)),
    }
  } catch (error) {
    await leaveServer(directories, password, session)
    throw error
  }
}

/** Tries more than once, because others may start or stop the server, or take the port, between our looking and acting. */
async function joinServer(directories: Directories, password: string, log: (line: string) => void): Promise<Session> {
  let cause: unknown
  const attempt = async (): Promise<Session | undefined> => {
    for (const obtain of [findPostmaster, launchPostmaster]) {
      const postmaster = await obtain(directories)
      if (!postmaster) continue
      try {
        const session = await openSession(directories, password, postmaster, log)
        const what = obtain === findPostmaster ? 'Joined the running' : 'Started'
        log(`${what} PostgreSQL, process ${postmaster.pid} on 127.0.0.1:${postmaster.port}`)
        return session
      } catch (error) {
        cause = error
      }
    }
    return undefined
  }
  const session = await until(attempt, 10_000, 200)
  if (session) return session
  throw new Error(`The embedded PostgreSQL neither answers nor starts. ${await diagnose(directories)}`, { cause })
}
