import type { SshFacts } from '../../domain/protocols/ssh.ts'
import { encodeText, encodeUint32, readFields } from './fields.ts'
import { type HostKeyAlgorithm, hostKeyAlgorithms } from './host-key.ts'
import { type KexMethod, kexMethods } from './key-exchange.ts'
import { messages } from './packet.ts'

/** The eight lists of SSH_MSG_KEXINIT, each in order of preference. */
export type Algorithms = Required<NonNullable<SshFacts['algorithms']>>

interface KexInit {
  algorithms: Algorithms
  /** A packet for the guessed algorithms follows. */
  guessFollows: boolean
}

export interface Choice {
  kex: KexMethod
  hostKey: HostKeyAlgorithm
  /** The peer's guess, if any, is right (RFC 4253 section 7). */
  guessIsRight: boolean
}

// We never encrypt with these. A server without a common cipher would not show its host key, so the list is long.
const ciphers = [
  'chacha20-poly1305@openssh.com',
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'aes128-cbc',
  'aes192-cbc',
  'aes256-cbc',
  '3des-ctr',
  '3des-cbc',
  'blowfish-ctr',
  'blowfish-cbc',
  'cast128-cbc',
  'twofish256-cbc',
  'twofish128-cbc',
  'arcfour256',
  'arcfour128',
  'arcfour',
  'cast128-ctr',
  'twofish256-ctr',
  'twofish128-ctr',
  'serpent256-ctr',
  'serpent256-cbc',
  'camellia256-ctr',
  'camellia128-ctr',
  'rijndael-cbc@lysator.liu.se',
  'chacha20-poly1305',
  'aes128-gcm',
  'aes256-gcm',
  'des-cbc',
]
const macs = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha1-etm@openssh.com',
  'umac-128-etm@openssh.com',
  'umac-64-etm@openssh.com',
  'umac-128@openssh.com',
  'umac-64@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
  'hmac-sha1',
  'hmac-sha1-96',
  'hmac-md5',
  'hmac-md5-96',
  'hmac-ripemd160',
  'hmac-md5-etm@openssh.com',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
]
const compressions = ['none', 'zlib@openssh.com', 'zlib']

const kexMethodNames = Object.keys(kexMethods) as KexMethod[]

const ours = {
  kex: kexMethodNames,
  hostKey: [...hostKeyAlgorithms],
  cipherClientToServer: ciphers,
  cipherServerToClient: ciphers,
  macClientToServer: macs,
  macServerToClient: macs,
  compressionClientToServer: compressions,
  compressionServerToClient: compressions,
} satisfies Algorithms

/** Our SSH_MSG_KEXINIT (RFC 4253 section 7.1); `cookie` is 16 random bytes. */
export function encodeKexInit(cookie: Buffer): Buffer {
  const languages = ['', '']
  const lists = [...Object.values(ours).map((names) => names.join(',')), ...languages].map(encodeText)
  const noGuess = Buffer.of(0)
  return Buffer.concat([Buffer.of(messages.kexInit), cookie, ...lists, noGuess, encodeUint32(0)])
}

/** Parses the peer's SSH_MSG_KEXINIT; undefined if malformed. */
export function parseKexInit(payload: Buffer): KexInit | undefined {
  const fields = readFields(payload)
  fields.bytes(1 + 16) // message number, cookie
  const algorithms: Algorithms = {
    kex: fields.nameList(),
    hostKey: fields.nameList(),
    cipherClientToServer: fields.nameList(),
    cipherServerToClient: fields.nameList(),
    macClientToServer: fields.nameList(),
    macServerToClient: fields.nameList(),
    compressionClientToServer: fields.nameList(),
    compressionServerToClient: fields.nameList(),
  }
  fields.nameList() // languages, client to server
  fields.nameList() // languages, server to client
  const guessFollows = fields.boolean()
  fields.uint32() // reserved
  return fields.complete() ? { algorithms, guessFollows } : undefined
}

/** The first common algorithms (RFC 4253 section 7.1); undefined if a required kind has none. */
export function negotiate(theirs: Algorithms): Choice | undefined {
  const kex = kexMethodNames.find((name) => theirs.kex.includes(name))
  const hostKey = hostKeyAlgorithms.find((name) => theirs.hostKey.includes(name))
  const agreed = needed.every((list) => ours[list].some((name) => theirs[list].includes(name)))
  if (!kex || !hostKey || !agreed) return undefined
  const guessIsRight = theirs.kex[0] === kexMethodNames[0] && theirs.hostKey[0] === hostKeyAlgorithms[0]
  return { kex, hostKey, guessIsRight }
}

// Not the MACs: AEAD ciphers need none.
const needed = [
  'cipherClientToServer',
  'cipherServerToClient',
  'compressionClientToServer',
  'compressionServerToClient',
] as const
