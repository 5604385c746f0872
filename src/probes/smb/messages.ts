import { randomBytes } from 'node:crypto'
import type { SmbDialect, SmbFacts } from '../../domain/protocols/smb.ts'
import type { Framing } from '../network/record.ts'

type Facts = NonNullable<SmbFacts['smb']>
type Signing = NonNullable<NonNullable<Facts['signing']>[SmbDialect]>

/** [MS-SMB2] section 2.1, Direct TCP: a zero and a length of three bytes. */
const frameBytes = 4
export const framing: Framing = {
  headerBytes: frameBytes,
  bodyBytes: (header) => (header[0] === 0 ? header.readUIntBE(1, 3) : undefined),
  maxBodyBytes: 64 * 1024,
}

export function frame(message: Buffer): Buffer {
  const header = Buffer.alloc(frameBytes)
  header.writeUIntBE(message.length, 1, 3)
  return Buffer.concat([header, message])
}

/** [MS-SMB2] section 2.2.3; SMB1 has no number. */
const revisions = {
  'SMB2.0.2': 0x0202,
  'SMB2.1': 0x0210,
  'SMB3.0': 0x0300,
  'SMB3.0.2': 0x0302,
  'SMB3.1.1': 0x0311,
} as const satisfies Record<Exclude<SmbDialect, 'SMB1'>, number>
export type Smb2Dialect = keyof typeof revisions
export const smb2Dialects = Object.keys(revisions) as Smb2Dialect[]

const smb1Magic = Buffer.from('ff534d42', 'hex')
const smb2Magic = Buffer.from('fe534d42', 'hex')
export const isSmb = (message: Buffer): boolean => {
  const magic = message.subarray(0, 4)
  return magic.equals(smb2Magic) || magic.equals(smb1Magic)
}

const smb1HeaderBytes = 32
const negotiateSmb1 = 0x72
/** Unicode, NT status codes, extended security, long names: [MS-SMB] section 2.2.3.1. */
const smb1Flags2 = 0xc801

/** SMB_COM_NEGOTIATE that offers "NT LM 0.12" alone, [MS-CIFS] section 2.2.4.52.1. */
export function encodeSmb1Negotiate(): Buffer {
  const dialect = Buffer.from('\x02NT LM 0.12\0', 'latin1')
  const header = Buffer.alloc(smb1HeaderBytes + 3)
  smb1Magic.copy(header)
  header.writeUInt8(negotiateSmb1, 4)
  header.writeUInt8(0x18, 9) // canonical, case-insensitive paths
  header.writeUInt16LE(smb1Flags2, 10)
  header.writeUInt16LE(dialect.length, smb1HeaderBytes + 1)
  return Buffer.concat([header, dialect])
}

const smb2HeaderBytes = 64
const commands = { negotiate: 0, sessionSetup: 1 } as const

/** [MS-SMB2] section 2.2.1.2. */
function smb2Header(command: number, messageId: number): Buffer {
  const header = Buffer.alloc(smb2HeaderBytes)
  smb2Magic.copy(header)
  header.writeUInt16LE(smb2HeaderBytes, 4)
  header.writeUInt16LE(command, 12)
  header.writeUInt16LE(1, 14) // credits
  header.writeUInt32LE(messageId, 24)
  return header
}

const signingEnabled = 1
const allCapabilities = 0x7f
const contextTypes = { preauthIntegrity: 1, encryption: 2 } as const
/** [MS-SMB2] section 2.2.3.1.2. */
const ciphers = { 1: 'AES-128-CCM', 2: 'AES-128-GCM', 3: 'AES-256-CCM', 4: 'AES-256-GCM' } as const
/** Best first. */
const offeredCiphers = [4, 2, 3, 1] as const
const sha512 = 1
const saltBytes = 32

const uint16s = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt16LE(value, 2 * index)
  return bytes
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)])
const contextOf = (type: number, data: Buffer): Buffer => Buffer.concat([uint16s(type, data.length, 0, 0), data])

/** SMB2 NEGOTIATE, [MS-SMB2] section 2.2.3, with its contexts if 3.1.1 is offered. */
export function encodeSmb2Negotiate(dialects: readonly Smb2Dialect[]): Buffer {
  const fixed = Buffer.alloc(36)
  fixed.writeUInt16LE(36, 0)
  fixed.writeUInt16LE(dialects.length, 2)
  fixed.writeUInt16LE(signingEnabled, 4)
  const isSmb3 = dialects.some((dialect) => revisions[dialect] >= revisions['SMB3.0'])
  if (isSmb3) fixed.writeUInt32LE(allCapabilities, 8)
  const isSecondOrNewer = dialects.some((dialect) => dialect !== 'SMB2.0.2')
  if (isSecondOrNewer) randomBytes(16).copy(fixed, 12)
  const names = uint16s(...dialects.map((dialect) => revisions[dialect]))
  if (!dialects.includes('SMB3.1.1')) return Buffer.concat([smb2Header(commands.negotiate, 0), fixed, names])
  const start = padded(Buffer.concat([smb2Header(commands.negotiate, 0), fixed, names]))
  start.writeUInt32LE(start.length, smb2HeaderBytes + 28)
  start.writeUInt16LE(2, smb2HeaderBytes + 32)
  const preauth = Buffer.concat([uint16s(1, saltBytes, sha512), randomBytes(saltBytes)])
  return Buffer.concat([
    start,
    padded(contextOf(contextTypes.preauthIntegrity, preauth)),
    contextOf(contextTypes.encryption, uint16s(offeredCiphers.length, ...offeredCiphers)),
  ])
}

/** SMB2 SESSION_SETUP, [MS-SMB2] section 2.2.5, as the second message. */
export function encodeSessionSetup(token: Buffer): Buffer {
  const fixed = Buffer.alloc(24)
  fixed.writeUInt16LE(25, 0)
  fixed.writeUInt8(signingEnabled, 3)
  fixed.writeUInt16LE(smb2HeaderBytes + fixed.length, 12)
  fixed.writeUInt16LE(token.length, 14)
  return Buffer.concat([smb2Header(commands.sessionSetup, 1), fixed, token])
}

/** What a peer agreed to. */
export interface Agreement extends Pick<Facts, 'encryption' | 'cipher'> {
  dialect: SmbDialect
  signing: Signing
}

const statusPending = 0x103
/** An interim response: another one follows, [MS-SMB2] section 3.3.4.4. */
export const isInterim = (message: Buffer): boolean =>
  message.length >= smb2HeaderBytes && isSmb2(message) && message.readUInt32LE(8) === statusPending

const isSmb2 = (message: Buffer) => message.subarray(0, 4).equals(smb2Magic)

const signingOf = (mode: number, [enabled, required]: readonly [number, number]): Signing =>
  (mode & required) !== 0 ? 'required' : (mode & enabled) !== 0 ? 'enabled' : 'disabled'

/** The response to "NT LM 0.12", [MS-CIFS] section 2.2.4.52.2; undefined if it breaks the protocol. */
export function readSmb1Negotiate(message: Buffer): Agreement | 'refused' | undefined {
  if (isSmb2(message)) return 'refused'
  if (message.length < smb1HeaderBytes + 3 || message[4] !== negotiateSmb1) return undefined
  const isError = message.readUInt32LE(5) !== 0
  const [words = 0, index] = [message[smb1HeaderBytes], message.readUInt16LE(smb1HeaderBytes + 1)]
  if (isError || index === 0xffff) return 'refused'
  if (words < 17 || index !== 0 || message.length < smb1HeaderBytes + 4) return undefined
  return {
    dialect: 'SMB1',
    signing: signingOf(message.readUInt8(smb1HeaderBytes + 3), [4, 8]),
    encryption: 'not-supported',
  }
}

const responseBytes = smb2HeaderBytes + 64
const capabilityEncryption = 0x40

/** The response to SMB2 NEGOTIATE, [MS-SMB2] section 2.2.4; undefined if it breaks the protocol. */
export function readSmb2Negotiate(message: Buffer, offered: readonly Smb2Dialect[]): Agreement | 'refused' | undefined {
  if (!isSmb2(message)) return 'refused'
  if (message.length < smb2HeaderBytes || message.readUInt16LE(12) !== commands.negotiate) return undefined
  if (message.readUInt32LE(8) !== 0) return 'refused'
  if (message.length < responseBytes || message.readUInt16LE(64) !== 65) return undefined
  const dialect = offered.find((one) => revisions[one] === message.readUInt16LE(68))
  if (!dialect) return undefined
  const signing = signingOf(message.readUInt16LE(66), [1, 2])
  if (dialect !== 'SMB3.1.1') {
    const isSupported =
      revisions[dialect] >= revisions['SMB3.0'] && (message.readUInt32LE(88) & capabilityEncryption) !== 0
    return { dialect, signing, encryption: isSupported ? 'supported' : 'not-supported' }
  }
  const cipher = readCipher(message)
  return { dialect, signing, encryption: cipher ? 'supported' : 'not-supported', ...(cipher && { cipher }) }
}

/** The cipher of the encryption context, [MS-SMB2] section 2.2.4.1.2; undefined without one. */
function readCipher(message: Buffer): string | undefined {
  let at = message.readUInt32LE(124)
  for (let left = message.readUInt16LE(70); left > 0 && at + 8 <= message.length; left -= 1) {
    const [type, length] = [message.readUInt16LE(at), message.readUInt16LE(at + 2)]
    const isCipher = type === contextTypes.encryption && length >= 4 && at + 12 <= message.length
    if (isCipher) return ciphers[message.readUInt16LE(at + 10) as keyof typeof ciphers]
    at += 8 + length
    at += -at & 7
  }
  return undefined
}

const moreProcessingRequired = 0xc000_0016

/** The token of a SESSION_SETUP response, [MS-SMB2] section 2.2.6; undefined without a challenge. */
export function readSessionSetup(message: Buffer): Buffer | undefined {
  if (message.length < smb2HeaderBytes + 8 || !isSmb2(message)) return undefined
  if (message.readUInt16LE(12) !== commands.sessionSetup) return undefined
  if (message.readUInt32LE(8) !== moreProcessingRequired) return undefined
  const [offset, length] = [message.readUInt16LE(68), message.readUInt16LE(70)]
  return message.subarray(offset, offset + length)
}
