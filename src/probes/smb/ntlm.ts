import type { SmbFacts } from '../../domain/protocols/smb.ts'
import { escapeControls } from '../../encoding/text.ts'

type ServerNames = NonNullable<NonNullable<SmbFacts['smb']>['server']>

const signature = Buffer.from('NTLMSSP\0')
const [negotiateType, challengeType] = [1, 2]
/** [MS-NLMP] section 2.2.2.5: Unicode, target names, NTLM, always sign, extended session security, version, 128 and 56 bit. */
const negotiateFlags = 0xa208_8205
const hasVersion = 0x0200_0000
const maxNameBytes = 255

const elementOf = (tag: number, ...contents: Buffer[]): Buffer => {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.of(tag, content.length), content])
}

const spnego = Buffer.from('06062b0601050502', 'hex')
const ntlmMechanism = Buffer.from('060a2b06010401823702020a', 'hex')

/** NEGOTIATE_MESSAGE, [MS-NLMP] section 2.2.1.1: the request for a challenge, without an account. */
function negotiateMessage(): Buffer {
  const message = Buffer.alloc(40)
  signature.copy(message)
  message.writeUInt32LE(negotiateType, 8)
  message.writeUInt32LE(negotiateFlags, 12)
  message.writeUInt8(10, 32) // VERSION: [MS-NLMP] section 2.2.2.10
  message.writeUInt8(15, 39)
  return message
}

/** The same as the first token of SPNEGO, RFC 4178 section 4.2.1. */
export const challengeRequest: Buffer = elementOf(
  0x60,
  spnego,
  elementOf(
    0xa0,
    elementOf(
      0x30,
      elementOf(0xa0, elementOf(0x30, ntlmMechanism)),
      elementOf(0xa2, elementOf(0x04, negotiateMessage())),
    ),
  ),
)

/** [MS-NLMP] section 2.2.2.1. */
const nameById = {
  1: 'netbiosName',
  2: 'netbiosDomain',
  3: 'dnsName',
  4: 'dnsDomain',
  5: 'dnsForest',
} as const satisfies Record<number, keyof ServerNames>

/** The names in the CHALLENGE_MESSAGE inside a token, [MS-NLMP] section 2.2.1.2; undefined if it has none. */
export function readChallenge(token: Buffer): ServerNames | undefined {
  const message = token.subarray(Math.max(0, token.indexOf(signature)))
  if (message.length < 48 || message.indexOf(signature) !== 0) return undefined
  if (message.readUInt32LE(8) !== challengeType) return undefined
  const [length, offset] = [message.readUInt16LE(40), message.readUInt32LE(44)]
  const names = readPairs(message.subarray(offset, offset + length))
  const isVersioned = (message.readUInt32LE(20) & hasVersion) !== 0 && message.length >= 56
  if (!isVersioned) return names
  const [major, minor] = [message.readUInt8(48), message.readUInt8(49)]
  return { ...names, version: `${major}.${minor}.${message.readUInt16LE(50)}` }
}

/** AV_PAIR structures up to the last that is complete. */
function readPairs(pairs: Buffer): ServerNames {
  const names: ServerNames = {}
  let at = 0
  while (at + 4 <= pairs.length) {
    const [id, length] = [pairs.readUInt16LE(at), pairs.readUInt16LE(at + 2)]
    const value = pairs.subarray(at + 4, at + 4 + length)
    if (value.length < length) break
    const name = id in nameById ? nameById[id as keyof typeof nameById] : undefined
    if (name && length > 0) names[name] = escapeControls(value.toString('utf16le'), maxNameBytes)
    at += 4 + length
  }
  return names
}
