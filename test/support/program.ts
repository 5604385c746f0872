import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mustRun } from './processes.ts'
import { afterDeath } from './reaper.ts'

/** A stopped listener: once its queue of two is full, the kernel drops every SYN. */
export const neverAccepts = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 },
  function () { process.send(this.address().port, () => process.kill(process.pid, 'SIGSTOP')) })`

/** Starts a CommonJS program that sends its port; ends it with SIGKILL, because it may be stopped. */
export async function startProgram(program: string): Promise<{ port: number; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const forget = afterDeath(['kill', '-s', 'KILL', String(child.pid)])
  const [port] = await once(child, 'message')
  return {
    port,
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      forget()
    },
  }
}

/** Runs a command with this limit of file descriptors. */
export const withDescriptors = (limit: number, argv: readonly string[]): [string, ...string[]] =>
  // Both limits, because Node raises the soft one at start.
  ['sh', '-c', `ulimit -n ${limit} && exec "$@"`, 'sh', ...argv]

/** Runs a module with this limit of file descriptors, and parses its JSON output. */
export async function runWithDescriptors(limit: number, program: string): Promise<unknown> {
  const [command, ...argv] = withDescriptors(limit, [process.execPath, '--input-type=module', '-e', program])
  return JSON.parse(await mustRun(command, argv))
}
