import { SetupError } from '../../../domain/errors.ts'
import { until } from '../../../runtime/poll.ts'
import { type Directories, prepareDirectory, socketPort } from './directories.ts'
import {
  diagnose,
  findPostmaster,
  initialise,
  launchPostmaster,
  type Postmaster,
  roles,
  stopPostmaster,
} from './postmaster.ts'
import { describeOwner, leaveServer, openSession, type Session, takeOwnership } from './session.ts'
import { supervise } from './supervisor.ts'

export { clusterHome } from './directories.ts'

/** A running embedded server, which outlives this process unless it is stopped. */
export interface EmbeddedServer {
  /** Connects by the socket as the service's role, without a password, to the database `portwarden`; constant over restarts. */
  url: string
  /** Portwarden's data directory, absolute. */
  dataDir: string
  /** Whether the data directory belongs to this process, and not to another that it shares the server with. */
  owner: boolean
  /** Stops the server if no other process uses it. Close every other connection first: it would be cut. */
  stop(): Promise<void>
}

/** A data directory belongs to another process; the message says which and what to do. */
export class DirectoryInUseError extends SetupError {
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
 * Starts PostgreSQL for a data directory, or joins the one that runs there already (a killed process leaves it running),
 * and starts it again when it dies. With `exclusive` the directory must belong to this process, or a DirectoryInUseError
 * is thrown; without, the server of another process is shared. It listens on a Unix socket only, in a directory that no
 * other user can enter, and PostgreSQL asks the kernel who connects.
 */
export async function startEmbedded(options: {
  dataDir: string
  exclusive: boolean
  log?: (line: string) => void
}): Promise<EmbeddedServer> {
  const { exclusive, log = () => {} } = options
  const directories = await prepareDirectory(options.dataDir, log)
  await initialise(directories, log)
  const session = await joinServer(directories, log)
  try {
    const owner = await takeOwnership(session, ownershipTimeoutMs[exclusive ? 'exclusive' : 'shared'])
    if (exclusive && !owner) throw new DirectoryInUseError(directories.dataDir, await describeOwner(session))
    const reopen = async () => {
      const next = await joinServer(directories, log)
      if (owner) await takeOwnership(next, ownershipTimeoutMs.exclusive)
      return next
    }
    const supervisor = supervise(session, { reopen, log })
    const host = encodeURIComponent(directories.sockets)
    let stopped: Promise<void> | undefined
    return {
      url: `postgresql://${roles.service}@${host}:${socketPort}/portwarden`,
      dataDir: directories.dataDir,
      owner,
      stop: () => (stopped ??= supervisor.stop().then((last) => leaveServer(directories, last))),
    }
  } catch (error) {
    await leaveServer(directories, session)
    throw error
  }
}

/** Tries more than once, because other processes may start or stop the server meanwhile. */
async function joinServer(directories: Directories, log: (line: string) => void): Promise<Session> {
  let cause: unknown
  const attempt = async (): Promise<Session | undefined> => {
    for (const obtain of [findPostmaster, launchPostmaster]) {
      const postmaster = await obtain(directories)
      if (!postmaster) continue
      try {
        if (postmaster.sockets !== directories.sockets) {
          await replaceEarlier(directories, postmaster, log)
          continue
        }
        const session = await openSession(directories, postmaster, log)
        const what = obtain === findPostmaster ? 'Joined the running' : 'Started'
        log(`${what} PostgreSQL, process ${postmaster.pid} at ${directories.sockets}`)
        return session
      } catch (error) {
        cause = error
      }
    }
    return undefined
  }
  const session = await until(attempt, 10_000, 200)
  if (session) return session
  throw new Error(`The embedded PostgreSQL neither responds nor starts. ${await diagnose(directories)}`, { cause })
}

async function replaceEarlier(directories: Directories, postmaster: Postmaster, log: (line: string) => void) {
  log(`Stopping PostgreSQL, process ${postmaster.pid}, which an earlier version of Portwarden left running`)
  await stopPostmaster(directories, postmaster)
}
