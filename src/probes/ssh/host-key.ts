import type { SshFacts } from '../../domain/protocols/ssh.ts'
import { certificateSuffix, readCertificate } from './certificate.ts'
import type { KeyExchange } from './key-exchange.ts'
import { readPublicKey } from './public-key.ts'
import { isSignedBy, type SignatureAlgorithm, signatureAlgorithms } from './signature.ts'

export type HostKeyAlgorithm = SignatureAlgorithm | `${SignatureAlgorithm}${typeof certificateSuffix}`

const plainAlgorithms = Object.keys(signatureAlgorithms) as SignatureAlgorithm[]

/** By preference: the key itself, else a certificate for it. */
export const hostKeyAlgorithms: readonly HostKeyAlgorithm[] = [
  ...plainAlgorithms,
  ...plainAlgorithms.map((name): HostKeyAlgorithm => `${name}${certificateSuffix}`),
]

/** The host key of an exchange; undefined if it is malformed or not of the agreed algorithm. */
export function readHostKey(
  { hostKey: blob, signature, exchangeHash }: KeyExchange,
  algorithm: HostKeyAlgorithm,
): (Required<Pick<SshFacts, 'hostKey'>> & Pick<SshFacts, 'hostCertificate'>) | undefined {
  const plain = plainAlgorithms.find((name) => algorithm === name || algorithm === `${name}${certificateSuffix}`)
  if (!plain) return undefined
  const { keyType } = signatureAlgorithms[plain]
  const { key, certificate } =
    (algorithm === plain ? { key: readPublicKey(blob) } : readCertificate(blob, keyType)) ?? {}
  if (key?.type !== keyType) return undefined
  const verified = isSignedBy(key, signature, exchangeHash, plain)
  const hostKey = { type: key.type, sha256: key.sha256, verified }
  return certificate ? { hostKey, hostCertificate: certificate } : { hostKey }
}
