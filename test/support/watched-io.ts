import type { Socket } from 'node:net'
import { isConnection, type ProbeIo } from '../../src/probes/probe.ts'
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
