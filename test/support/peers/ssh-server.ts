import {
  createDiffieHellmanGroup,
  createECDH,
  createHash,
  createPublicKey,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import net from 'node:net'
import { createDeadline } from '../../../src/probes/engine/deadline.ts'
import { openWire, type Wire } from '../../../src/probes/network/wire.ts'
import {
  encodeMpint,
  encodeString,
  encodeText,
  encodeUint32,
  mpintBytes,
  readFields,
  toBigInt,
} from '../../../src/probes/ssh/fields.ts'
import type { Algorithms } from '../../../src/probes/ssh/kex-init.ts'
import { encodePacket, isBroken, messages, readMessage } from '../../../src/probes/ssh/packet.ts'
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
  /** Changes its KEXINIT, which the exchange hash then covers as it was sent. */
  kexInit?: (payload: Buffer) => Buffer
  /** Payloads of packets before its KEXINIT. */
  early?: readonly Buffer[]
  /** Makes packets of payloads. */
  packet?: (payload: Buffer) => Buffer
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
  /** `SHA256:…` of its host key. */
  fingerprint: string
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
  const fingerprint = `SHA256:${createHash('sha256').update(blobOf(hostKey.publicKey)).digest('base64').replaceAll('=', '')}`
  const server = net.createServer((socket) => {
    const wire = openWire(socket, createDeadline(60_000), 1_048_576)
    serve(altering(wire, options.alter), options, hostKey).finally(() => wire.close())
  })
  const { host, port, openSockets, close } = await listen(server, options.host, options.port)
  return asPeer({ host, port, fingerprint, openSockets }, close)
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
  const { greeting = 'SSH-2.0-peer\r\n', early = [], interposed = [], packet = encodePacket } = options
  const { kexInit: change = (payload) => payload, reply = (signed) => signed } = options
  wire.send(Buffer.from(greeting, 'latin1'))
  const ourLine = Buffer.from(/([^\n]*?)\r*\n$/.exec(greeting)?.[1] ?? '', 'latin1')
  const theirLine = await wire.takeLine(255)
  const ourKexInit = change(kexInit(options))
  for (const payload of [...early, ourKexInit, ...interposed]) wire.send(packet(payload))
  const theirKexInit = await readMessage(wire, [messages.kexInit])
  const initiate = await readMessage(wire, [messages.kexInitiate])
  if (typeof theirLine === 'string' || isBroken(theirKexInit) || isBroken(initiate)) return
  const theirs = readFields(initiate.subarray(1)).string()
  const { hash: digest, agree } = methods[options.lists?.kex?.[0] ?? ''] ?? curve25519
  const { sent: point, secret } = agree(theirs)
  const blob = blobOf(hostKey.publicKey)
  const hash = createHash(digest)
  for (const part of [theirLine, ourLine, theirKexInit, ourKexInit, blob, theirs, point])
    hash.update(encodeString(part))
  const value = sign(null, hash.update(secret).digest(), hostKey.privateKey)
  const signature = Buffer.concat([encodeText('ssh-ed25519'), encodeString(value)])
  const sent = reply({ hostKey: blob, point, signature })
  const fields = [sent.hostKey, sent.point, sent.signature].map(encodeString)
  wire.send(packet(Buffer.concat([Buffer.of(messages.kexReply), ...fields])))
  await wire.take(Number.POSITIVE_INFINITY) // until the client goes
}

function kexInit({ lists = {}, guessFollows = false }: SshServerOptions): Buffer {
  const names = Object.values({ ...sshServerLists, ...lists }).map((list) => encodeText(list.join(',')))
  const tail = [encodeText(''), encodeText(''), Buffer.of(guessFollows ? 1 : 0), encodeUint32(0)]
  return Buffer.concat([Buffer.of(messages.kexInit), Buffer.alloc(16), ...names, ...tail])
}

interface Agreement {
  sent: Buffer
  /** As the exchange hash covers it. */
  secret: Buffer
}

function agreeMontgomery(crv: 'X25519' | 'X448', theirs: Buffer): Agreement {
  const { privateKey, publicKey } = crv === 'X25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('x448')
  const jwk = { kty: 'OKP', crv, x: theirs.toString('base64url') }
  return {
    sent: raw(publicKey),
    secret: diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }),
  }
}

function agreeEcdh(curve: string, theirs: Buffer): Agreement {
  const ecdh = createECDH(curve)
  return { sent: ecdh.generateKeys(), secret: ecdh.computeSecret(theirs) }
}

/** RFC 10042 section 2.3: K is the hash of both secrets, the KEM's first. */
function agreeHybrid(
  theirs: Buffer,
  [kem, keyBytes]: typeof mlKem768 | typeof mlKem1024,
  hash: string,
  agree: (theirs: Buffer) => Agreement,
): Agreement {
  const example = (kem === 'ml-kem-768' ? generateKeyPairSync('ml-kem-768') : generateKeyPairSync('ml-kem-1024'))
    .publicKey
  const head = example.export({ type: 'spki', format: 'der' }).subarray(0, -keyBytes)
  const key = Buffer.concat([head, theirs.subarray(0, keyBytes)])
  const { ciphertext, sharedKey } = encapsulate({ key, type: 'spki', format: 'der' })
  const { sent, secret } = agree(theirs.subarray(keyBytes))
  return {
    sent: Buffer.concat([ciphertext, sent]),
    secret: encodeString(createHash(hash).update(sharedKey).update(secret).digest()),
  }
}

const mlKem768 = ['ml-kem-768', 1184] as const
const mlKem1024 = ['ml-kem-1024', 1568] as const

interface Method {
  hash: string
  agree: (theirs: Buffer) => Agreement
}

const classical = (hash: string, agree: (theirs: Buffer) => Agreement): Method => ({
  hash,
  agree(theirs) {
    const { sent, secret } = agree(theirs)
    return { sent, secret: encodeMpint(toBigInt(secret)) }
  },
})

function agreeModp(group: string, theirs: Buffer): Agreement {
  const ours = createDiffieHellmanGroup(group)
  return { sent: mpintBytes(toBigInt(ours.generateKeys())), secret: ours.computeSecret(theirs) }
}

const x25519 = (theirs: Buffer) => agreeMontgomery('X25519', theirs)
const curve25519 = classical('sha256', x25519)
const p256 = (theirs: Buffer) => agreeEcdh('prime256v1', theirs)
const p384 = (theirs: Buffer) => agreeEcdh('secp384r1', theirs)
/** By name; all others agree as `curve25519`. */
const methods: Readonly<Record<string, Method>> = {
  'curve448-sha512': classical('sha512', (theirs) => agreeMontgomery('X448', theirs)),
  'diffie-hellman-group14-sha1': classical('sha1', (theirs) => agreeModp('modp14', theirs)),
  'diffie-hellman-group15-sha512': classical('sha512', (theirs) => agreeModp('modp15', theirs)),
  'diffie-hellman-group17-sha512': classical('sha512', (theirs) => agreeModp('modp17', theirs)),
  'mlkem768x25519-sha256': { hash: 'sha256', agree: (theirs) => agreeHybrid(theirs, mlKem768, 'sha256', x25519) },
  'mlkem768nistp256-sha256': { hash: 'sha256', agree: (theirs) => agreeHybrid(theirs, mlKem768, 'sha256', p256) },
  'mlkem1024nistp384-sha384': { hash: 'sha384', agree: (theirs) => agreeHybrid(theirs, mlKem1024, 'sha384', p384) },
}

const blobOf = (key: KeyObject) => Buffer.concat([encodeText('ssh-ed25519'), encodeString(raw(key))])
const raw = (key: KeyObject) => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
