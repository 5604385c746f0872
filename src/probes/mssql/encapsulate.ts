import { Duplex } from 'node:stream'
import { bodyBytesOf, encodePackets, headerBytes } from './packet.ts'

/**
 * A stream whose bytes travel in packets of the pre-login, as those of its TLS handshake do ([MS-TDS] section 3.2.5.2).
 * Bytes of the peer that are in no packet pass as they are, so that their reader recognizes them. Takes over the socket.
 */
export function encapsulate(socket: Duplex): Duplex {
  const unpack = createUnpacker()
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (bytes, _encoding, done) => void socket.write(encodePackets(bytes), done),
    final: (done) => void (socket.destroyed ? done() : socket.end(done)),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (bytes: Buffer) => {
    const payload = unpack(bytes)
    if (payload.length > 0 && !stream.push(payload)) socket.pause()
  })
  socket.on('end', () => stream.push(null))
  socket.on('error', (error) => stream.destroy(error))
  socket.on('close', () => stream.destroy())
  return stream
}

/** Returns the payload of each piece of a stream; holds at most a part of a header. */
function createUnpacker(): (bytes: Buffer) => Buffer {
  let header = Buffer.alloc(0)
  let left = 0
  let isRaw = false
  return (bytes) => {
    const payload: Buffer[] = []
    let rest = bytes
    while (rest.length > 0 && !isRaw) {
      if (left > 0) {
        const part = rest.subarray(0, left)
        payload.push(part)
        left -= part.length
        rest = rest.subarray(part.length)
        continue
      }
      const missing = headerBytes - header.length
      header = Buffer.concat([header, rest.subarray(0, missing)])
      rest = rest.subarray(missing)
      if (header.length < headerBytes) break
      left = bodyBytesOf(header) ?? 0
      isRaw = left === 0
      if (isRaw) payload.push(header)
      header = Buffer.alloc(0)
    }
    return Buffer.concat([...payload, rest])
  }
}
