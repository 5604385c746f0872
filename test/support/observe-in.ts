import type { Observation } from '../../src/domain/findings/observation.ts'
import type { ObserveRequest } from './observe-cli.ts'
import type { Namespaces } from './peers/netns.ts'
import { type Output, run } from './processes.ts'
import { withDescriptors } from './program.ts'

/** Timeouts and tries for tests without packet loss. */
export const patience = {
  sockets: 256,
  perHost: 256,
  timeoutMs: 1_500,
  tries: 1,
  spacingMs: 10,
  allow: '0.0.0.0/0, ::/0',
}

const observeProgram = [process.execPath, `${import.meta.dirname}/observe-cli.ts`] as const

/** Observes from the client's side of a network, in a separate process. */
export async function observeIn(
  network: Pick<Namespaces<'client'>, 'exec'>,
  request: ObserveRequest,
): Promise<Observation[]> {
  return readObservations(await network.exec('client', observeProgram, { input: JSON.stringify(request) }))
}

/** Observes in a process with this limit of file descriptors. */
export async function observeWithDescriptors(limit: number, request: ObserveRequest): Promise<Observation[]> {
  const [command, ...argv] = withDescriptors(limit, observeProgram)
  return readObservations(await run(command, argv, { input: JSON.stringify(request) }))
}

/** Observes in a process whose system call the kernel refuses with an error, such as ENOBUFS. */
export async function observeRefused(
  call: 'socket' | 'connect',
  error: string,
  request: ObserveRequest,
): Promise<Observation[]> {
  // Debian's Python, as for Samba.
  const argv = ['-I', `${import.meta.dirname}/refuse-syscall.py`, call, error, ...observeProgram]
  return readObservations(await run('/usr/bin/python3', argv, { input: JSON.stringify(request) }))
}

function readObservations({ code, stdout, stderr }: Output): Observation[] {
  if (code !== 0 || stderr !== '') throw new Error(`the observer ended with ${code}: ${stderr}`)
  return JSON.parse(stdout)
}
