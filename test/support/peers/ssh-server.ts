import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import net from 'node:net'
import { createDeadline } from '../../../src/probes/engine/deadline.ts'
import { openWire, type Wire } from '../../../src/probes/network/wire.ts'
import {
  encodeMpint,
  encodeString,
  encodeText,
  encodeUint32,
  readFields,
  toBigInt,
} from '../../../src/probes/ssh/fields.ts'
import type { Algorithms } from '../../../src/probes/ssh/kex-init.ts'
import { encodePacket, messages, readMessage } from '../../../src/probes/ssh/packet.ts'
import { listen } from '../listen.ts'
import { type At, asPeer, type Peer } from './peer.ts'

/** What the server proves itself with: host key blob, its point, signature blob. */
interface SshReply {
  hostKey: Buffer
  point: Buffer
  signature: Buffer
}

export interface SshServerOptions extends At {
  /** What it sends first, the identification as its last line. */
  greeting?: string
  /** Lists of its KEXINIT that differ from one algorithm each. */
  lists?: Partial<Algorithms>
  guessFollows?: boolean
  /** Payloads of packets between its KEXINIT and its reply. */
  interposed?: readonly Buffer[]
  /** Changes the reply after it was signed. */
  reply?: (signed: SshReply) => SshReply
  /** Changes what it sends on the way, as one in the middle would; `offset` counts all that was sent before. */
  alter?: (sent: Buffer, offset: number) => Buffer
}

interface SshServer extends Peer {
  host: string
  port: number
  openSockets: () => number
}

/** The lists of its KEXINIT by default. */
export const sshServerLists: Algorithms = {
  kex: ['curve25519-sha256'],
  hostKey: ['ssh-ed25519'],
  cipherClientToServer: ['aes128-ctr'],
  cipherServerToClient: ['aes256-ctr'],
  macClientToServer: ['hmac-sha2-256'],
  macServerToClient: ['hmac-sha2-512'],
  compressionClientToServer: ['none'],
  compressionServerToClient: ['zlib'],
}

/** An SSH server of our own up to its host key, a new one each time it starts: it can be configured to do what OpenSSH never does. */
export async function startSshServer(options: SshServerOptions = {}): Promise<SshServer> {
  const hostKey = generateKeyPairSync('ed25519')
  const server = net.createServer((socket) => {
    const wire = openWire(socket, createDeadline(60_000), 1_048_576)
    serve(altering(wire, options.alter), options, hostKey).finally(() => wire.close())
  })
  const { host, port, openSockets, close } = await listen(server, options.host, options.port)
  return asPeer({ host, port, openSockets }, close)
}

function altering(wire: Wire, alter: SshServerOptions['alter']): Wire {
  let offset = 0
  const send = (bytes: Buffer) => {
    wire.send(alter ? alter(bytes, offset) : bytes)
    offset += bytes.length
  }
  return { ...wire, send }
}

async function serve(wire: Wire, options: SshServerOptions, hostKey: { privateKey: KeyObject; publicKey: KeyObject }) {
  const { greeting = 'SSH-2.0-peer\r\n', interposed = [], reply = (signed) => signed } = options
  wire.send(Buffer.from(greeting, 'latin1'))
  const ourLine = Buffer.from(greeting.trimEnd().split('\n').at(-1) ?? '', 'latin1')
  const theirLine = await wire.takeLine(255)
  const ourKexInit = kexInit(options)
  wire.send(encodePacket(ourKexInit))
  for (const payload of interposed) wire.send(encodePacket(payload))
  const theirKexInit = await readMessage(wire, [messages.kexInit])
  const initiate = await readMessage(wire, [messages.kexInitiate])
  if (typeof theirLine === 'string' || typeof theirKexInit === 'string' || typeof initiate === 'string') return
  const theirs = readFields(initiate.subarray(1)).string()
  const { point, secret } = agree(theirs)
  const blob = Buffer.concat([encodeText('ssh-ed25519'), encodeString(raw(hostKey.publicKey))])
  const hash = createHash('sha256')
  for (const part of [theirLine, ourLine, theirKexInit, ourKexInit, blob, theirs, point])
    hash.update(encodeString(part))
  const value = sign(null, hash.update(encodeMpint(toBigInt(secret))).digest(), hostKey.privateKey)
  const signature = Buffer.concat([encodeText('ssh-ed25519'), encodeString(value)])
  const sent = reply({ hostKey: blob, point, signature })
  const fields = [sent.hostKey, sent.point, sent.signature].map(encodeString)
  wire.send(encodePacket(Buffer.concat([Buffer.of(messages.kexReply), ...fields])))
  await wire.take(Number.POSITIVE_INFINITY) // until the client goes
}

function kexInit({ lists = {}, guessFollows = false }: SshServerOptions): Buffer {
  const names = Object.values({ ...sshServerLists, ...lists }).map((list) => encodeText(list.join(',')))
  const tail = [encodeText(''), encodeText(''), Buffer.of(guessFollows ? 1 : 0), encodeUint32(0)]
  return Buffer.concat([Buffer.of(messages.kexInit), Buffer.alloc(16), ...names, ...tail])
}

function agree(theirs: Buffer): { point: Buffer; secret: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const jwk = { kty: 'OKP', crv: 'X25519', x: theirs.toString('base64url') }
  const secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) })
  return { point: raw(publicKey), secret }
}

const raw = (key: KeyObject) => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
