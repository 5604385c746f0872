import type { Socket } from 'node:net'
import { createDeadline } from '../../src/probes/engine/deadline.ts'
import { isConnection, type ProbeIo } from '../../src/probes/engine/probe.ts'
import { probeIo } from './probe-io.ts'

export interface WatchedIo extends ProbeIo {
  /** What a probe left behind: sockets that are not destroyed, and waits for the deadline that were not called off. */
  left(): { sockets: number; waits: number }
  /** Connections that were asked for. */
  connections(): number
  /** References that were resolved. */
  resolved: readonly string[]
}

/** `probeIo` with an eye on what a probe does with it. */
export function watchedIo(options: Parameters<typeof probeIo>[0] = {}): WatchedIo {
  const io = probeIo(options)
  const sockets: Socket[] = []
  const waits = new Set<symbol>()
  const resolved: string[] = []
  let connections = 0
  return {
    ...io,
    deadline: {
      remainingMs: io.deadline.remainingMs,
      onExpiry(callback) {
        const wait = Symbol('wait')
        waits.add(wait)
        const cancel = io.deadline.onExpiry(() => {
          waits.delete(wait)
          callback()
        })
        return () => {
          waits.delete(wait)
          cancel()
        }
      },
    },
    async connect(endpoint) {
      connections += 1
      const connection = await io.connect(endpoint)
      if (isConnection(connection)) sockets.push(connection.socket)
      return connection
    },
    credential(ref, endpoint) {
      resolved.push(ref)
      return io.credential(ref, endpoint)
    },
    left: () => ({ sockets: sockets.filter(({ destroyed }) => !destroyed).length, waits: waits.size }),
    connections: () => connections,
    resolved,
  }
}

const stepsOfTime = 20

/**
 * What a look brings; fails where it lasts longer than its deadline and a tenth of it. That time is counted in steps that
 * follow each other, so whatever holds up this process holds up the count as well.
 */
export async function inTime<Seen>(deadlineMs: number, look: Promise<Seen>): Promise<Seen> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  let cancel = () => {}
  const step = (left: number) => {
    if (left <= 0) reject(new Error(`the look has lasted longer than ${deadlineMs} ms`))
    else cancel = createDeadline(deadlineMs / stepsOfTime).onExpiry(() => step(left - 1))
  }
  step(stepsOfTime * 1.1)
  return await Promise.race([look, late]).finally(() => cancel())
}
