import { once } from 'node:events'
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { TestProject } from 'vitest/node'
import { startBrowser } from './console/browser-server.ts'
import { type DatabaseServer, type StartedServer, startDatabaseServer } from './database-server.ts'
import { makeTempDir } from './temp-dir.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A Unix socket that sends the run's database server, or why there is none. */
    databaseServer: string
    /** A Unix socket that sends the URL of the run's browser. */
    browser: string
  }
}

/** The message on that socket. */
export type Announcement = DatabaseServer | { error: string }

/**
 * One PostgreSQL and one browser for the whole run, each started with the first test that needs it and stopped with the run; and
 * one directory for temporary files, which is empty in the end unless a test forgot some.
 */
export default async function setup(project: TestProject) {
  const directory = await makeTempDir('tests')
  const files = join(directory.path, 'files')
  await chmod(directory.path, 0o711) // other users run peers from files in it
  await mkdir(files, { mode: 0o711 })
  for (const { config } of project.vitest.projects)
    config.env = { ...config.env, TMPDIR: files, NODE_DISABLE_COMPILE_CACHE: '1' }
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
  const announcements = createServer((socket) => void announce(socket)).listen(path)
  await once(announcements, 'listening')
  project.provide('databaseServer', path)
  let browser: ReturnType<typeof startBrowser> | undefined
  const browsers = createServer((socket) => {
    socket.on('error', () => {})
    browser ??= startBrowser(files)
    browser.then(
      (server) => socket.end(server.wsEndpoint()),
      () => socket.destroy(),
    )
  }).listen(join(directory.path, 'browser'))
  await once(browsers, 'listening')
  project.provide('browser', join(directory.path, 'browser'))
  return async () => {
    announcements.close()
    browsers.close()
    await browser?.then(
      (server) => server.close(),
      () => {},
    )
    await started?.then(
      (server) => server.stop(),
      () => {},
    )
    const left = await leftIn(files)
    await directory.remove()
    if (left.length > 0) throw new Error(`tests left files behind: ${left.join(', ')}`)
  }
}

/** The files that are still there when the processes of the tests had time to remove theirs. */
async function leftIn(directory: string): Promise<string[]> {
  for (let waits = 0; ; waits++) {
    const left = await readdir(directory)
    if (left.length === 0 || waits === 100) return left
    await pause(100)
  }
}
