import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { RdpFacts, RdpSecurity } from '../../domain/protocols/rdp.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Connection } from '../engine/probe.ts'
import { explainNoRecord, type Framing, isRecord, takeRecord } from '../network/record.ts'
import { openWire, type Wire } from '../network/wire.ts'

/** TPKT, RFC 1006 section 6: version 3, and a length that counts the header. */
const tpktVersion = 3
const tpktBytes = 4
const framing: Framing = {
  headerBytes: tpktBytes,
  bodyBytes: (header) => {
    const length = header.readUInt16BE(2) - tpktBytes
    return header[0] === tpktVersion && length > 0 ? length : undefined
  },
  maxBodyBytes: 4 * 1024,
}
const maxBytes = 128 * 1024

const connectionRequest = 0xe0
const connectionConfirm = 0xd0
const x224Bytes = 7
const negotiationBytes = 8
const negotiationRequest = 1
const negotiationResponse = 2
const negotiationFailure = 3

/** [MS-RDPBCGR] section 2.2.1.2.1. */
const selections: Readonly<Record<number, RdpSecurity>> = {
  0: 'standard',
  1: 'tls',
  2: 'nla',
  4: 'rdstls',
  8: 'nla-early-auth',
}

/** What is requested for one security protocol: with those that [MS-RDPBCGR] section 2.2.1.1.1 wants beside it. */
const requests: Readonly<Record<RdpSecurity, number>> = { standard: 0, tls: 1, nla: 3, 'nla-early-auth': 11, rdstls: 5 }
/** All but RDSTLS, which a client without a redirection cannot complete. */
const all = 11

/** X.224 Connection Request with RDP_NEG_REQ, [MS-RDPBCGR] section 2.2.1.1; no cookie, which would name a user. */
function encodeRequest(protocols: number): Buffer {
  const request = Buffer.alloc(tpktBytes + x224Bytes + negotiationBytes)
  request.writeUInt8(tpktVersion, 0)
  request.writeUInt16BE(request.length, 2)
  request.writeUInt8(x224Bytes - 1 + negotiationBytes, 4)
  request.writeUInt8(connectionRequest, 5)
  request.writeUInt8(negotiationRequest, 11)
  request.writeUInt16LE(negotiationBytes, 13)
  request.writeUInt32LE(protocols, 15)
  return request
}

/** `selected`, or why there is no selection; with `refusedWith`, the peer speaks RDP. */
export type Negotiation =
  | { selected: RdpSecurity; reason?: never; refusedWith?: never; spoke?: never }
  | { selected?: never; reason: ReasonCode; refusedWith?: number; spoke?: RdpFacts['spoke'] }

/** Negotiates with everything on offer. If the peer selects TLS or more, TLS may begin on the connection; else it is closed. */
export const negotiate = (connection: Connection, deadline: Deadline): Promise<Negotiation> =>
  request(connection, all, deadline)

/** Offers one security protocol and closes the connection. */
export async function offerSecurity(
  connection: Connection,
  security: RdpSecurity,
  deadline: Deadline,
): Promise<Negotiation> {
  const negotiation = await request(connection, requests[security], deadline)
  connection.socket.destroy()
  return negotiation
}

async function request({ socket }: Connection, protocols: number, deadline: Deadline): Promise<Negotiation> {
  const wire = openWire(socket, deadline, maxBytes)
  const negotiation = await exchange(wire, protocols)
  if (negotiation.selected && negotiation.selected !== 'standard') {
    // The peer waits for the first record of TLS: bytes in clear belong to nothing.
    if (!wire.release()) return negotiation
    await wire.close()
    return { reason: 'protocol-violation' }
  }
  await wire.close()
  return negotiation
}

async function exchange(wire: Wire, protocols: number): Promise<Negotiation> {
  wire.send(encodeRequest(protocols))
  const record = await takeRecord(wire, framing)
  return isRecord(record) ? readConfirm(record.body, protocols) : explainNoRecord(record)
}

function readConfirm(body: Buffer, requested: number): Negotiation {
  const isConfirm = body.length >= x224Bytes && ((body[1] ?? 0) & 0xf0) === connectionConfirm
  if (!isConfirm) return { reason: 'protocol-mismatch', spoke: 'other' }
  // Servers before the negotiation have standard RDP security.
  if (body.length === x224Bytes) return { selected: 'standard' }
  if (body.length < x224Bytes + negotiationBytes) return { reason: 'protocol-violation' }
  const [type, value] = [body[x224Bytes], body.readUInt32LE(x224Bytes + 4)]
  if (type === negotiationFailure) return { reason: 'rdp-refused', refusedWith: value }
  const selected = selections[value]
  const isOffered = value === 0 || (requested & value) !== 0
  return type === negotiationResponse && selected && isOffered ? { selected } : { reason: 'protocol-violation' }
}
