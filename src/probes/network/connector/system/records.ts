import { Socket, type SocketConstructorOpts } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Address } from '../../ip-literal.ts'
import type { IcmpMessage } from '../connector.ts'
import type { QueuedError } from './calls.ts'
import { constants as c, layouts } from './layout.ts'
import { fields, type Slots } from './slots.ts'

const { sockaddrIn, sockaddrIn6 } = layouts.x64

/** Writes the `sockaddr` of a slot. */
export function writeSockaddr({ view, field }: Slots, slot: number, ip: Address, port: number): void {
  const isV4 = ip.kind() === 'ipv4'
  const at = field(slot, fields.sockaddr)
  const family = isV4 ? c.AF_INET : c.AF_INET6
  view.setInt32(field(slot, fields.family), family, true)
  view.setUint16(at + sockaddrIn.family, family, true)
  view.setUint16(at + sockaddrIn.port, port)
  for (let i = 4; i < sockaddrIn6.size; i += 4) view.setUint32(at + i, 0)
  const start = at + (isV4 ? sockaddrIn : sockaddrIn6).address
  const bytes = ip instanceof ipaddr.IPv4 ? ip.octets : ip.toByteArray()
  for (let i = 0; i < bytes.length; i += 1) view.setUint8(start + i, bytes[i] ?? 0)
}

const origins: Record<number, IcmpMessage['origin']> = {
  [c.SO_EE_ORIGIN_LOCAL]: 'local',
  [c.SO_EE_ORIGIN_ICMP]: 'icmp',
  [c.SO_EE_ORIGIN_ICMP6]: 'icmp6',
}

/** The message that ended the attempt of a slot, if any. */
export function readIcmp({ view, field }: Slots, slot: number): IcmpMessage | undefined {
  const size = view.getUint8(field(slot, fields.senderSize))
  return icmpMessage({
    origin: view.getUint8(field(slot, fields.icmpOrigin)),
    type: view.getUint8(field(slot, fields.icmpType)),
    code: view.getUint8(field(slot, fields.icmpCode)),
    sender: new Uint8Array(view.buffer, field(slot, fields.sender), size),
  })
}

/** The message of an entry of an error queue; undefined where there is none. */
export function icmpMessage({ origin: number, type, code, sender }: QueuedError): IcmpMessage | undefined {
  const origin = origins[number]
  if (!origin) return undefined
  if (sender.length === 0 || origin === 'local') return { origin, type, code }
  return { origin, type, code, sender: ipaddr.fromByteArray([...sender]).toString() }
}

/** Gives a connected descriptor to Node, paused: no byte is read before the caller reads. */
export function adopt(fd: number): Socket {
  // `pauseOnCreate` is how Node's own server makes paused sockets; without it the constructor begins to read.
  const options: SocketConstructorOpts & { pauseOnCreate: boolean } = { fd, pauseOnCreate: true }
  // Never removed, so that an error between two steps of a probe is caught.
  return new Socket(options).on('error', () => {})
}
