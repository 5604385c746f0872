import type { Socket } from 'node:net'
import { createDeadline } from '../engine/deadline.ts'
import { watchDescriptors } from '../engine/descriptor-pressure.ts'
import { isConnection } from '../engine/probe.ts'
import type { Connector } from './connector/connector.ts'
import { createDialler } from './dial.ts'
import { type AllowEntry, createEgressPolicy } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'
import { createResolver, lookupThreads, systemLookup } from './resolve.ts'

interface GateSettings {
  /** One for the process. */
  connector: Connector
  allow: readonly AllowEntry[]
  /** Never dialled, even if allowed. */
  never: readonly { address: string; port: number }[]
  /** For the name resolution and for each connect. */
  timeoutMs: number
}

/** Outbound connections of the service itself, under the egress policy of the probes. */
export interface Gate {
  /** False for a literal address that the policy denies; names are checked by `connect`. */
  mayDial(host: string, port: number): boolean
  /** Connects to the first responding address. Throws an Error whose message is a reason code. */
  connect(host: string, port: number): Promise<{ socket: Socket; loopback: boolean }>
}

export function openGate({ connector, allow, never, timeoutMs }: GateSettings): Gate {
  const descriptors = watchDescriptors()
  const egress = createEgressPolicy({ allow, never })
  const { dial } = createDialler({ connector, egress, descriptors })
  const parallel = lookupThreads(process.env)
  const resolve = createResolver({ lookup: systemLookup, timeoutMs, parallel, patienceMs: 15_000, descriptors })

  return {
    mayDial: (host, port) => parseLiteral(host) === undefined || egress.permits(host, port),
    async connect(host, port) {
      const addresses = await resolve(host)
      if ('state' in addresses) throw new Error(addresses.reason)
      // One denied address makes the whole name untrusted.
      if (!addresses.every((address) => egress.permits(address, port))) throw new Error('egress-denied')
      let reason = 'no-address'
      for (const address of addresses) {
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
