import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { patienceMs, waitForPort } from './ports.ts'
import { afterDeath } from './reaper.ts'

/** The absolute path of a command; searches the sbin directories too. */
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

/** For every process: Node's compile cache, which halves the CPU time of starting our programs, and the run's directory. */
const commonEnv = () => ({
  NODE_COMPILE_CACHE: resolve(import.meta.dirname, '../../node_modules/.cache/node-compile'),
  TMPDIR: tmpdir(),
})

export interface Output {
  /** The exit code, or the signal name. */
  code: number | string
  stdout: string
  stderr: string
}

export interface RunOptions {
  input?: string | Uint8Array
  env?: NodeJS.ProcessEnv
  cwd?: string
}

/** Runs a command to its end, without a shell. A nonzero code is a result, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const env = { ...commonEnv(), ...(options.env ?? process.env) }
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
  child.stdin.on('error', () => {}) // a command may close its input without reading it
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

/** Like `run`, but returns the standard output and throws on a nonzero code. */
export async function mustRun(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr || stdout}`)
  return stdout
}

export interface PeerProcess {
  pid: number
  /** Its standard output and standard error so far. */
  log: () => string
  /** The first match in the log; rejects when the process ends, or after a minute. */
  logged: (pattern: RegExp) => Promise<RegExpMatchArray>
  /** Its exit code or signal name, once it has ended. */
  exited: Promise<number | string>
  /** Ends the process and all its descendants. */
  end: () => Promise<void>
}

interface PeerProcessOptions {
  /** Ready when the log matches… */
  ready?: RegExp
  /** …and these ports accept. */
  ports?: { host: string; ports: readonly number[] }
  env?: NodeJS.ProcessEnv
}

/** Starts a long-running peer and waits until it is ready; an early exit throws with its log. */
export async function spawnPeer(
  command: string,
  args: readonly string[],
  { ready, ports, env = process.env }: PeerProcessOptions = {},
): Promise<PeerProcess> {
  // A new process group, because samba signals its whole group when it stops.
  const child = spawn(findCommand(command) ?? command, args, {
    env: { ...commonEnv(), ...env },
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
    for (const check of waiting) check()
  }
  child.stdout?.setEncoding('utf8').on('data', append)
  child.stderr?.setEncoding('utf8').on('data', append)
  const tail = () => text.slice(-2_000)

  const wait = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(patience)
        waiting.delete(check)
        gone.removeEventListener('abort', leave)
        finish()
      }
      const check = () => {
        const match = text.match(pattern)
        if (match) settle(() => resolve(match))
        else if (gone.aborted) leave()
      }
      const leave = () => settle(() => reject(gone.reason))
      const late = () => reject(new Error(`${command} did not log ${pattern} in ${patienceMs} ms: ${tail()}`))
      const patience = setTimeout(() => settle(late), patienceMs)
      waiting.add(check)
      gone.addEventListener('abort', leave)
      check()
    })

  return { text: () => text, tail, wait }
}

/** All descendants; the process group is not enough, because a connection's sshd leaves it. */
function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
    return children.flatMap((child) => [...descendants(child), child])
  } catch {
    return [] // ended meanwhile
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ended by itself
  }
}
