import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { noteRunning } from './running.ts'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
/** The options of Node with which `npm start` runs the service. */
export const nodeOptions: string[] = manifest.scripts.start.split(' ').filter((word: string) => word.startsWith('--'))

/** The service as a separate process, as users run it. */
export interface Service {
  url: string
  key: string
  /** Milliseconds from the start of the process to its ready line. */
  readyMs: number
  pid: number
  stop(): Promise<void>
}

/**
 * Starts the service on a free port with its data in `dataDir`, and waits until it is ready. In the role `worker` it serves no
 * HTTP, and its `url` is empty.
 */
export async function startService(
  dataDir: string,
  env: Record<string, string> = {},
  role: 'all' | 'api' | 'worker' = 'all',
): Promise<Service> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...nodeOptions, 'src/main.ts', 'serve', '--role', role], {
    env: { ...process.env, PORT: '0', PORTWARDEN_DATA_DIR: dataDir, PORTWARDEN_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = noteRunning(async () => {
    if (child.kill('SIGTERM')) await once(child, 'exit')
  })
  const line = await firstLine(child)
  const readyMs = performance.now() - startedAt
  const url = /http:\/\/\S+/.exec(line)?.[0]
  if ((!url && role !== 'worker') || child.pid === undefined) throw new Error(`the service did not start: ${line}`)
  const key = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim()
  return {
    url: url ?? '',
    key,
    readyMs,
    pid: child.pid,
    stop,
  }
}

/** The first line of what it prints; the rest is read and dropped, because a closed pipe would make it complain. */
async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error('no standard output')
  const lines = createInterface(stdout)
  const [line] = await Promise.race([once(lines, 'line'), once(lines, 'close')])
  return String(line ?? '')
}
