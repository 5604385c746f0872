import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import type { TlsVersion } from '../../domain/protocols/tls.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Endpoint } from '../engine/probe.ts'
import { readClearHandshake } from './clear-handshake.ts'
import { recognize } from './first-bytes.ts'
import { defaultMaxBytes } from './handshake.ts'
import { type TlsCarrier, tapSocket } from './tap.ts'

/**
 * Offers a TLS version with ciphers that Node's OpenSSL lacks (RC4, 3DES, DES, IDEA, SEED, export), up to the ServerHello:
 * a peer with only these accepts the version too.
 */
export function offerOldCiphers(
  { socket }: TlsCarrier,
  endpoint: Endpoint,
  version: TlsVersion,
  deadline: Deadline,
): Promise<'accepted' | 'refused' | 'unclear'> {
  const { promise, resolve } = Promise.withResolvers<'accepted' | 'refused' | 'unclear'>()
  const { seen, read } = readClearHandshake()
  const settle = () => {
    cancelExpiry()
    tap.stream.destroy()
    if (seen.version) resolve(seen.version === version ? 'accepted' : 'refused')
    else resolve(seen.alert === undefined ? 'unclear' : 'refused')
  }
  const cancelExpiry = deadline.onExpiry(settle)
  const tap = tapSocket(socket, {
    maxBytes: defaultMaxBytes,
    admit: (first) => recognize(first) === 'tls',
    watch: (bytes) => {
      read(bytes)
      if (seen.version || seen.alert !== undefined) settle()
    },
  })
  tap.stream.once('close', settle)
  tap.stream.resume()
  tap.stream.write(clientHello(version, endpoint.host))
  return promise
}

const wireVersions: Partial<Record<TlsVersion, number>> = { TLSv1: 0x0301, 'TLSv1.1': 0x0302, 'TLSv1.2': 0x0303 }

// IANA TLS Cipher Suites; the last is the SCSV of RFC 5746.
const oldCiphers = [
  0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x0008, 0x0009, 0x000a, 0x000c, 0x000d, 0x000f, 0x0010, 0x0011, 0x0012,
  0x0013, 0x0014, 0x0015, 0x0016, 0x0096, 0x0099, 0x009a, 0xc002, 0xc003, 0xc007, 0xc008, 0xc00c, 0xc00d, 0xc011,
  0xc012, 0x00ff,
]
const [serverName, groups, pointFormats, signatures] = [0, 10, 11, 13]

// RFC 5246 section 7.4.1.2.
function clientHello(version: TlsVersion, host: string): Buffer {
  const name = Buffer.from(host.replace(/\.$/, ''))
  const extensions = Buffer.concat([
    isIP(host) ? Buffer.alloc(0) : extension(serverName, sized(2, Buffer.concat([Buffer.of(0), sized(2, name)]))),
    extension(groups, sized(2, numbers([29, 23, 24, 25]))),
    extension(pointFormats, sized(1, Buffer.of(0))),
    extension(signatures, sized(2, numbers([0x0403, 0x0401, 0x0501, 0x0601, 0x0402, 0x0203, 0x0201, 0x0202]))),
  ])
  const hello = Buffer.concat([
    numbers([wireVersions[version] ?? 0x0303]),
    randomBytes(32),
    sized(1, Buffer.alloc(0)), // no session
    sized(2, numbers(oldCiphers)),
    sized(1, Buffer.of(0)), // no compression
    sized(2, extensions),
  ])
  const message = Buffer.concat([Buffer.of(1), sized(3, hello)])
  return Buffer.concat([Buffer.of(22, 3, 1), sized(2, message)])
}

const extension = (type: number, content: Buffer) => Buffer.concat([numbers([type]), sized(2, content)])

function sized(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(content.length, 0, lengthBytes)
  return Buffer.concat([length, content])
}

const numbers = (values: readonly number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]))
