import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { patienceMs, waitForPort } from './ports.ts'
import { afterDeath } from './reaper.ts'

/** The absolute path of a command, looked for in the system directories too, which an ordinary user has not on the path. */
export function findCommand(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Programs of ours start in half the CPU time when Node keeps what it compiled. */
const compileCache = { NODE_COMPILE_CACHE: resolve(import.meta.dirname, '../../node_modules/.cache/node-compile') }

export interface Output {
  /** Exit code, or the signal's name. */
  code: number | string
  stdout: string
  stderr: string
}

export interface RunOptions {
  input?: string | Uint8Array
  env?: NodeJS.ProcessEnv
  cwd?: string
}

/** Runs a command to its end, without a shell. A code other than 0 is an answer here, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const env = { ...compileCache, ...(options.env ?? process.env) }
  const child = spawn(findCommand(command) ?? command, args, { cwd: options.cwd, env })
  const forget = afterDeath(['kill', '-s', 'KILL', String(child.pid)])
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // a command that does not read its input may close it: its code tells
  child.stdin.end(options.input)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      forget()
      reject(error)
    })
    child.once('close', (code, signal) => {
      forget()
      resolve({ code: code ?? signal ?? 'unknown', stdout, stderr })
    })
  })
}

/** Like `run`, for a command that must succeed: gives its standard output, throws with what it said otherwise. */
export async function mustRun(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr || stdout}`)
  return stdout
}

export interface PeerProcess {
  pid: number
  /** All that it has written to standard output and standard error so far. */
  log: () => string
  /** The first match in the log, now or when it comes; rejects when the process ends before, or after a minute. */
  logged: (pattern: RegExp) => Promise<RegExpMatchArray>
  /** Its exit code, or the signal's name, when it has ended. */
  exited: Promise<number | string>
  /** Ends the process and all of its descendants, and resolves when they are gone. */
  end: () => Promise<void>
}

interface PeerProcessOptions {
  /** It is ready when its log says so… */
  ready?: RegExp
  /** …and when these ports accept. */
  ports?: { host: string; ports: readonly number[] }
  env?: NodeJS.ProcessEnv
}

/** Starts a long-running peer without a shell and waits until it is ready. When it ends before, the error carries its log. */
export async function spawnPeer(
  command: string,
  args: readonly string[],
  { ready, ports, env = process.env }: PeerProcessOptions = {},
): Promise<PeerProcess> {
  // A process group of its own, because samba signals the whole of its group when it stops.
  const child = spawn(findCommand(command) ?? command, args, {
    env: { ...compileCache, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const peer = followPeer(command, child)
  try {
    await once(child, 'spawn') // rejects on 'error'
    if (ready) await peer.logged(ready)
    for (const port of ports?.ports ?? []) {
      await waitForPort(ports?.host ?? '', port, peer.gone)
    }
  } catch (error) {
    await peer.end()
    throw error
  }
  return peer
}

function followPeer(command: string, child: ChildProcess): PeerProcess & { gone: AbortSignal } {
  const forget = afterDeath(['kill', '-s', 'KILL', '--', `-${child.pid}`])
  const gone = new AbortController()
  const log = followLog(command, child, gone.signal)
  const goneWith = (what: string) => {
    forget()
    gone.abort(new Error(`${command} ${what}: ${log.tail()}`))
  }
  child.once('error', (error) => goneWith(`did not start (${error.message})`))
  child.once('close', (code, signal) => goneWith(`ended with ${code ?? signal}`))

  const exited = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')),
  )
  const end = async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const rest = descendants(child.pid)
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await exited
    clearTimeout(patience)
    for (const pid of rest) kill(pid)
  }
  return { pid: child.pid ?? -1, log: log.text, logged: log.wait, exited, end, gone: gone.signal }
}

function followLog(command: string, child: ChildProcess, gone: AbortSignal) {
  const waiting = new Set<() => void>()
  let text = ''
  const append = (more: string) => {
    text += more
    for (const look of waiting) look()
  }
  child.stdout?.setEncoding('utf8').on('data', append)
  child.stderr?.setEncoding('utf8').on('data', append)
  const tail = () => text.slice(-2_000)

  const wait = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(patience)
        waiting.delete(look)
        gone.removeEventListener('abort', leave)
        finish()
      }
      const look = () => {
        const match = text.match(pattern)
        if (match) settle(() => resolve(match))
        else if (gone.aborted) leave()
      }
      const leave = () => settle(() => reject(gone.reason))
      const late = () => reject(new Error(`${command} did not log ${pattern} in ${patienceMs} ms: ${tail()}`))
      const patience = setTimeout(() => settle(late), patienceMs)
      waiting.add(look)
      gone.addEventListener('abort', leave)
      look()
    })

  return { text: () => text, tail, wait }
}

/** The children of a process and theirs; a connection's sshd leaves the group of its parent, so the group is not enough. */
function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
    return children.flatMap((child) => [...descendants(child), child])
  } catch {
    return [] // it is gone
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}
