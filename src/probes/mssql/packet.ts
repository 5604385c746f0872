import type { Framing } from '../network/record.ts'

/** [MS-TDS] section 2.2.3.1: type, status, length with the header, channel, number and window. */
export const headerBytes = 8
export const packetTypes = { response: 0x04, prelogin: 0x12 } as const
const endOfMessage = 1

/** The largest packet before a login has agreed on another size, [MS-TDS] section 2.2.6.4. */
const maxPacketBytes = 4096

/** The bytes after a header; undefined if it is none of the pre-login, or of an empty packet. */
export function bodyBytesOf(header: Buffer): number | undefined {
  const isKnown = header[0] === packetTypes.response || header[0] === packetTypes.prelogin
  const length = header.readUInt16BE(2) - headerBytes
  return isKnown && length > 0 ? length : undefined
}

export const framing: Framing = { headerBytes, bodyBytes: bodyBytesOf, maxBodyBytes: maxPacketBytes }

/** A message of the pre-login, in as many packets as it takes. */
export function encodePackets(message: Buffer): Buffer {
  const packets: Buffer[] = []
  const most = maxPacketBytes - headerBytes
  for (let start = 0; start < message.length; start += most) {
    const part = message.subarray(start, start + most)
    const header = Buffer.alloc(headerBytes)
    header.writeUInt8(packetTypes.prelogin, 0)
    header.writeUInt8(start + most < message.length ? 0 : endOfMessage, 1)
    header.writeUInt16BE(headerBytes + part.length, 2)
    header.writeUInt8((packets.length / 2) & 0xff, 6)
    packets.push(header, part)
  }
  return Buffer.concat(packets)
}
