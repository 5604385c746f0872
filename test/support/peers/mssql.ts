import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { TLSSocket, type TlsOptions } from 'node:tls'
import { type Certificate, peerAuthority } from '../certificates.ts'
import { listen } from '../listen.ts'
import { type At, asPeer, type Peer } from './peer.ts'

/** How a SQL Server is configured: "Force Encryption", "Force Strict Encryption", or without a certificate. */
export type MssqlEncryption = 'not-supported' | 'optional' | 'required' | 'strict'

interface MssqlOptions extends At {
  encryption?: MssqlEncryption
  certificate?: Certificate
  tls?: Pick<TlsOptions, 'minVersion' | 'maxVersion'>
}

export interface Mssql extends Peer {
  host: string
  port: number
  hostName: string
  ca: string
  caPath: string
  /** The types of the messages that came inside TLS: 0x10 is a login. */
  received: readonly number[]
}

const hostName = 'sql.lab.test'
const headerBytes = 8
const [responseType, preloginType] = [0x04, 0x12]

/**
 * The pre-login of SQL Server 2022 as [MS-TDS] has it, with its TLS handshake; no Debian package has a server. It ends the
 * connection at a login. Clients of others (FreeTDS, nmap) confirm what it says.
 */
export async function startMssql(options: MssqlOptions = {}): Promise<Mssql> {
  const { encryption = 'required', host: at = '127.0.0.1', port: wanted, tls = {} } = options
  const { issue, ca, caPath } = await peerAuthority()
  const certificate =
    options.certificate ?? (await issue({ commonName: hostName, subjectAltName: `DNS:${hostName},IP:${at}` }))
  const identity: TlsOptions = { cert: await readFile(certificate.chainPath, 'utf8'), key: certificate.key, ...tls }
  const received: number[] = []
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    if (encryption === 'strict') return serveStrict(socket, identity, received)
    serve(socket, encryption, { ...identity, maxVersion: identity.maxVersion ?? 'TLSv1.2' }, received)
  })
  const { host, port, close } = await listen(server, at, wanted)
  return asPeer({ host, port, hostName, ca, caPath, received }, close)
}

function packet(type: number, payload: Buffer): Buffer {
  const header = Buffer.from([type, 1, 0, 0, 0, 0, 1, 0])
  header.writeUInt16BE(headerBytes + payload.length, 2)
  return Buffer.concat([header, payload])
}

/** [MS-TDS] section 2.2.6.5: VERSION (16.0.1000.6), ENCRYPTION and MARS. */
const preloginResponse = (encryption: number): Buffer =>
  Buffer.from(
    `00001000060100160001040017000${'1ff'}${'100003e80006'}${encryption.toString(16).padStart(2, '0')}00`,
    'hex',
  )

const encryptionOption = 1

/** The value of ENCRYPTION in a request; OFF without one. */
function requestedEncryption(payload: Buffer): number {
  for (let at = 0; at + 5 <= payload.length && payload[at] !== 0xff; at += 5)
    if (payload[at] === encryptionOption) return payload[payload.readUInt16BE(at + 1)] ?? 0
  return 0
}

/** The response to the ENCRYPTION of a client, by the table of section 2.2.6.5. */
function responseTo(requested: number, encryption: MssqlEncryption): number {
  const [off, on, notSupported, required] = [0, 1, 2, 3]
  if (encryption === 'not-supported') return notSupported
  if (encryption === 'required') return requested === on ? on : required
  return requested === on ? on : requested === notSupported ? notSupported : off
}

function serve(socket: net.Socket, encryption: MssqlEncryption, identity: TlsOptions, received: number[]): void {
  const packets = createPackets()
  socket.on('data', function prelogin(bytes: Buffer) {
    const [first] = packets.add(bytes)
    if (!first) return
    if (first.type !== preloginType) return void socket.destroy()
    socket.off('data', prelogin)
    const value = responseTo(requestedEncryption(first.payload), encryption)
    socket.write(packet(responseType, preloginResponse(value)))
    if (value === 2) return void socket.once('data', () => socket.end())
    startTls(socket, identity, received)
  })
}

const applicationData = 0x17

/** Section 3.3.5.2: the records of the handshake are in packets, those after it are not: the client sends the first. */
function startTls(socket: net.Socket, identity: TlsOptions, received: number[]): void {
  const packets = createPackets()
  let isHandshake = true
  const inner = new Duplex({
    read() {},
    write: (bytes, _encoding, done) => void socket.write(isHandshake ? packet(preloginType, bytes) : bytes, done),
  })
  inner.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    isHandshake &&= bytes[0] !== applicationData
    if (!isHandshake) return void inner.push(bytes)
    for (const { payload } of packets.add(bytes)) inner.push(payload)
  })
  socket.on('close', () => inner.destroy())
  const secure = new TLSSocket(inner, { isServer: true, ...identity })
  secure.on('error', () => socket.destroy())
  secure.on('data', (bytes: Buffer) => {
    received.push(bytes[0] ?? 0)
    socket.end()
  })
}

/** TDS 8.0: TLS first, and the pre-login inside. */
function serveStrict(socket: net.Socket, identity: TlsOptions, received: number[]): void {
  const secure = new TLSSocket(socket, { isServer: true, ...identity, ALPNProtocols: ['tds/8.0'] })
  secure.on('error', () => socket.destroy())
  const packets = createPackets()
  secure.on('data', (bytes: Buffer) => {
    for (const { type } of packets.add(bytes)) {
      if (type === preloginType) return void secure.write(packet(responseType, preloginResponse(0)))
      received.push(type)
      secure.end()
    }
  })
}

/** Splits a stream into packets. */
function createPackets() {
  let unread = Buffer.alloc(0)
  return {
    add(bytes: Buffer): { type: number; payload: Buffer }[] {
      unread = Buffer.concat([unread, bytes])
      const packets: { type: number; payload: Buffer }[] = []
      while (unread.length >= headerBytes && unread.length >= unread.readUInt16BE(2)) {
        const length = Math.max(headerBytes, unread.readUInt16BE(2))
        packets.push({ type: unread[0] ?? 0, payload: unread.subarray(headerBytes, length) })
        unread = unread.subarray(length)
      }
      return packets
    },
  }
}
