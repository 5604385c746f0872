import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { type DatabaseServer, type StartedServer, startDatabaseServer } from './database-server.ts'
import { makeTempDir } from './temp-dir.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A Unix socket that sends the run's database server, or why there is none. */
    databaseServer: string
  }
}

/** The message on that socket. */
export type Announcement = DatabaseServer | { error: string }

/** One PostgreSQL for the whole run, started with the first test that needs it and stopped with the run. */
export default async function setup(project: TestProject) {
  const directory = await makeTempDir('tests')
  const path = join(directory.path, 'database')
  let started: Promise<StartedServer> | undefined
  const announce = async (socket: Socket) => {
    socket.on('error', () => {}) // the test process may have ended
    started ??= startDatabaseServer()
    const announcement: Announcement = await started.then(
      ({ url, prefix, template, tablespace }) => ({ url, prefix, template, tablespace }),
      (error: unknown) => ({ error: error instanceof Error ? String(error.stack) : String(error) }),
    )
    socket.end(JSON.stringify(announcement))
  }
  const desk = createServer((socket) => void announce(socket)).listen(path)
  await once(desk, 'listening')
  project.provide('databaseServer', path)
  return async () => {
    desk.close()
    await started?.then(
      (server) => server.stop(),
      () => {},
    )
    await directory.remove()
  }
}
