import type { SshFacts } from '../../domain/protocols/ssh.ts'
import { escapeControls } from '../../encoding/text.ts'
import { readFields } from './fields.ts'
import { encodePublicKey, fieldsOf, type KeyType, type PublicKey, readPublicKey } from './public-key.ts'
import { isSignedBy } from './signature.ts'

type CertificateFacts = NonNullable<SshFacts['hostCertificate']>

export const certificateSuffix = '-cert-v01@openssh.com'

const kinds: Readonly<Record<number, CertificateFacts['kind']>> = { 1: 'user', 2: 'host' }

/**
 * Reads the certificate of a key of this type: draft-miller-ssh-cert section 2, OpenSSH's PROTOCOL.certkeys. Undefined if
 * malformed.
 */
export function readCertificate(
  blob: Buffer,
  type: KeyType,
): { key: PublicKey; certificate: CertificateFacts } | undefined {
  const fields = readFields(blob)
  if (fields.string().toString('latin1') !== `${type}${certificateSuffix}`) return undefined
  fields.string() // nonce
  const keyFields = Array.from({ length: fieldsOf(type) }, () => fields.string())
  const serial = fields.uint64()
  const kind = kinds[fields.uint32()] ?? 'other'
  const keyId = escapeControls(fields.string())
  const principals = readStrings(fields.string())
  const [validAfter, validBefore] = [fields.uint64(), fields.uint64()]
  fields.string() // critical options
  fields.string() // extensions
  fields.string() // reserved
  const authority = readPublicKey(fields.string())
  const signature = fields.string()
  const key = readPublicKey(encodePublicKey(type, keyFields))
  if (!fields.complete() || !key?.key || !authority || !principals) return undefined
  const signed = blob.subarray(0, blob.length - 4 - signature.length)
  const certificate: CertificateFacts = {
    kind,
    keyId,
    serial: serial.toString(),
    principals,
    ...validity(validAfter, validBefore),
    authority: {
      type: escapeControls(authority.type),
      sha256: authority.sha256,
      verified: isSignedBy(authority, signature, signed),
    },
  }
  return { key, certificate }
}

function readStrings(packed: Buffer): string[] | undefined {
  const fields = readFields(packed)
  const strings: string[] = []
  for (let left = packed.length; left > 0; ) {
    const string = fields.string()
    strings.push(escapeControls(string))
    left -= 4 + string.length
  }
  return fields.complete() ? strings : undefined
}

const maxDateSeconds = 8_640_000_000_000n

/** Seconds since the epoch as RFC 3339; absent for 0 and for the largest number, which mean no limit. */
function validity(after: bigint, before: bigint): Pick<CertificateFacts, 'validAfter' | 'validBefore'> {
  const instant = (seconds: bigint) => new Date(Number(seconds) * 1000).toISOString()
  return {
    ...(after > 0n && after <= maxDateSeconds && { validAfter: instant(after) }),
    ...(before <= maxDateSeconds && { validBefore: instant(before) }),
  }
}
