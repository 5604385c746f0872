import type { TlsVersion } from '../../domain/protocols/tls.ts'

/** The unencrypted part of a server's handshake. */
export interface ClearHandshake {
  /** From the ServerHello or HelloRetryRequest. */
  version?: TlsVersion
  /** DER, leaf first; up to TLS 1.2 only. */
  chain: Buffer[]
  /** The server requested a client certificate; up to TLS 1.2 only. */
  certificateRequested: boolean
  /** The number of a fatal alert, RFC 8446 section 6. */
  alert?: number
}

const records = { alert: 21, handshake: 22 }
const messages = { serverHello: 2, certificate: 11, certificateRequest: 13 }
const fatal = 2
const supportedVersions = 43
const versions: Record<number, TlsVersion> = {
  768: 'SSLv3',
  769: 'TLSv1',
  770: 'TLSv1.1',
  771: 'TLSv1.2',
  772: 'TLSv1.3',
}

/** Parses what a TLS server sends in clear, in chunks of any size; ignores malformed data. */
export function readClearHandshake(): { seen: ClearHandshake; read: (bytes: Buffer) => void } {
  const seen: ClearHandshake = { chain: [], certificateRequested: false }
  let wire = Buffer.alloc(0)
  let handshake = Buffer.alloc(0)
  let over = false

  const readRecord = (type: number, body: Buffer) => {
    if (type === records.alert && body.length === 2 && body[0] === fatal) seen.alert = body[1]
    over = type !== records.alert && type !== records.handshake // ChangeCipherSpec: the rest is encrypted
    if (type !== records.handshake) return
    handshake = Buffer.concat([handshake, body])
    while (!over && handshake.length >= 4) {
      const end = 4 + handshake.readUIntBE(1, 3)
      if (handshake.length < end) return
      readMessage(handshake[0] ?? 0, handshake.subarray(4, end), seen)
      handshake = handshake.subarray(end)
      over = seen.version === 'TLSv1.3' // RFC 8446 section 2: the rest is encrypted
    }
  }

  const read = (bytes: Buffer) => {
    if (over) return
    wire = Buffer.concat([wire, bytes])
    while (!over && wire.length >= 5) {
      const end = 5 + wire.readUInt16BE(3)
      if (wire.length < end) return
      readRecord(wire[0] ?? 0, wire.subarray(5, end))
      wire = wire.subarray(end)
    }
    if (over) [wire, handshake] = [Buffer.alloc(0), Buffer.alloc(0)]
  }

  return { seen, read }
}

function readMessage(type: number, body: Buffer, seen: ClearHandshake): void {
  try {
    if (type === messages.serverHello) seen.version ??= versions[chosenVersion(body)]
    if (type === messages.certificate && seen.chain.length === 0) seen.chain = certificates(body)
    if (type === messages.certificateRequest) seen.certificateRequested = true
  } catch (error) {
    if (!(error instanceof RangeError)) throw error // an invalid length, which OpenSSL reports itself
  }
}

// RFC 8446 section 4.2.1: TLS 1.3 is in the extension supported_versions.
function chosenVersion(hello: Buffer): number {
  const legacy = hello.readUInt16BE(0)
  const sessionIdLength = hello.readUInt8(34)
  let at = 35 + sessionIdLength + 3
  if (at >= hello.length) return legacy
  const end = at + 2 + hello.readUInt16BE(at)
  for (at += 2; at < end; at += 4 + hello.readUInt16BE(at + 2)) {
    if (hello.readUInt16BE(at) === supportedVersions) return hello.readUInt16BE(at + 4)
  }
  return legacy
}

function certificates(body: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 3; at < body.length; ) {
    const end = at + 3 + body.readUIntBE(at, 3)
    if (end > body.length) throw new RangeError('certificate exceeds its message')
    found.push(body.subarray(at + 3, end))
    at = end
  }
  return found
}
