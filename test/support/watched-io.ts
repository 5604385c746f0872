import type { Socket } from 'node:net'
import { createDeadline } from '../../src/probes/engine/deadline.ts'
import { isConnection, type ProbeIo } from '../../src/probes/engine/probe.ts'
import { probeIo } from './probe-io.ts'

export interface WatchedIo extends ProbeIo {
  /** Sockets that are not destroyed, and deadline callbacks that are not canceled. */
  left(): { sockets: number; waits: number }
  /** The number of requested connections. */
  connections(): number
  /** Resolved credential references. */
  resolved: readonly string[]
}

/** A `probeIo` that records what a probe does with it. */
export function watchedIo(options: Parameters<typeof probeIo>[0] = {}): WatchedIo {
  const io = probeIo(options)
  const sockets: Socket[] = []
  const waits = new Set<symbol>()
  const resolved: string[] = []
  let connections = 0
  return {
    ...io,
    deadline: {
      get expired() {
        return io.deadline.expired
      },
      share: (count) => io.deadline.share(count),
      remainingMs: () => io.deadline.remainingMs(),
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
 * The result of a probe; rejects after 110 % of its deadline. Counts that time in consecutive steps, so that a blocked
 * process delays the count as well.
 */
export async function inTime<Seen>(deadlineMs: number, probe: Promise<Seen>): Promise<Seen> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  let cancel = () => {}
  const step = (left: number) => {
    if (left <= 0) reject(new Error(`the probe has lasted longer than ${deadlineMs} ms`))
    else cancel = createDeadline(deadlineMs / stepsOfTime).onExpiry(() => step(left - 1))
  }
  step(stepsOfTime * 1.1)
  return await Promise.race([probe, late]).finally(() => cancel())
}
