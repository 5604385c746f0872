import type { Socket } from 'node:net'
import { createDeadline } from '../engine/deadline.ts'
import { watchDescriptors } from '../engine/descriptor-pressure.ts'
import { isConnection } from '../engine/probe.ts'
import { createDialler } from './dial.ts'
import { type AllowEntry, createEgressPolicy } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'
import { createResolver, lookupThreads, systemLookup } from './resolve.ts'

interface GateSettings {
  allow: readonly AllowEntry[]
  /** What must never be dialled, whatever is allowed. */
  never: readonly { address: string; port: number }[]
  /** For the look-up and for each connect. */
  timeoutMs: number
}

/** The way out for what is no probe: by the same rules, to addresses that were checked, and to nobody else. */
export interface Gate {
  /** Whether this host can be let through at all: false for a literal address that may not be dialled. */
  mayDial(host: string, port: number): boolean
  /** Connects to the first address of a host that answers. Throws an Error with the reason as its message. */
  connect(host: string, port: number): Promise<{ socket: Socket; loopback: boolean }>
}

export function openGate({ allow, never, timeoutMs }: GateSettings): Gate {
  const descriptors = watchDescriptors()
  const egress = createEgressPolicy({ allow, never })
  const dial = createDialler({ egress, descriptors })
  const parallel = lookupThreads(process.env)
  const resolve = createResolver({ lookup: systemLookup, timeoutMs, parallel, patienceMs: 15_000, descriptors })

  return {
    mayDial: (host, port) => parseLiteral(host) === undefined || egress.permits(host, port),
    async connect(host, port) {
      const answer = await resolve(host)
      if ('state' in answer) throw new Error(answer.reason)
      // All of them, before the first is dialled: a name that also leads to where it must not is not half trusted.
      if (!answer.every((address) => egress.permits(address, port))) throw new Error('egress-denied')
      let reason = 'no-address'
      for (const address of answer) {
        const dialled = await dial({ host, address, port }, createDeadline(timeoutMs))
        if (isConnection(dialled)) {
          return { socket: dialled.socket, loopback: parseLiteral(address)?.range() === 'loopback' }
        }
        reason = dialled.reason
      }
      throw new Error(reason)
    },
  }
}
