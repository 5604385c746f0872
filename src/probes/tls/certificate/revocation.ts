import { hash, X509Certificate } from 'node:crypto'
import type { TlsFacts } from '../../../domain/protocols/tls.ts'
import type { Authorities } from './authorities.ts'
import { isIssuedBy, isSelfSigned } from './certificate.ts'
import { elements, first } from './der.ts'
import { bits, type OcspResponse, parseOcspResponse, type SingleResponse } from './ocsp-response.ts'
import { fieldsOf } from './public-key.ts'
import { hashes, isWeaklySigned, verifySignature } from './signature.ts'

type Ocsp = NonNullable<TlsFacts['ocsp']>

interface RevocationInput {
  /** The OCSPResponse of the handshake in DER, RFC 6066 section 8. */
  staple: Buffer
  /** The chain as the peer sent it, leaf first. */
  chain: readonly X509Certificate[]
  authorities: Authorities
  now: number
}

const invalid = (problem: NonNullable<Ocsp['problem']>): Ocsp => ({ status: 'invalid', problem })

/**
 * What the stapled OCSP response says of the leaf, verified as RFC 6960 section 3.2 demands: about this certificate, signed
 * by its issuer or a responder that the issuer authorized, and current. A revocation stays true after `nextUpdate`.
 */
export function judgeStaple({ staple, chain, authorities, now }: RevocationInput): Ocsp | undefined {
  const [leaf] = chain
  if (!leaf) return undefined
  try {
    const response = parseOcspResponse(staple)
    if (!response) return invalid('responder-error')
    const issuer = issuerOf(leaf, chain, authorities)
    if (!issuer) return invalid('issuer-unknown')
    const about = response.responses.filter((single) => isAbout(single, leaf, issuer))
    const single = about.find(({ status }) => status === 'revoked') ?? about[0]
    if (!single) return invalid('other-certificate')
    if (!isSignedFor(response, issuer, now)) return invalid('not-signed-by-issuer')
    return statusOf(single, now)
  } catch (error) {
    if (error instanceof RangeError) return invalid('malformed')
    throw error
  }
}

function issuerOf(
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  { anchors }: Authorities,
): X509Certificate | undefined {
  if (isSelfSigned(leaf)) return leaf
  return [...chain.slice(1, maxCertificates), ...anchors(leaf.issuer)].find((issuer) => isIssuedBy(leaf, issuer))
}

function isAbout(single: SingleResponse, leaf: X509Certificate, issuer: X509Certificate): boolean {
  const algorithm = hashes[single.hashAlgorithm]
  const { serialNumber, issuer: name } = fieldsOf(leaf.raw)
  if (!algorithm || !single.serialNumber.equals(serialNumber.content)) return false
  const [, key] = elements(first(fieldsOf(issuer.raw).subjectPublicKeyInfo.whole))
  return (
    hash(algorithm, name.whole, 'buffer').equals(single.issuerNameHash) &&
    hash(algorithm, bits(key), 'buffer').equals(single.issuerKeyHash)
  )
}

// The peer chooses how many there are, and each may cost a signature check.
const maxCertificates = 10
const ocspSigning = '1.3.6.1.5.5.7.3.9'

// RFC 6960 section 4.2.2.2: a responder's certificate is issued by the same authority, for this purpose.
function isSignedFor(response: OcspResponse, issuer: X509Certificate, now: number): boolean {
  if (isSignedBy(response, issuer)) return true
  return response.certificates.slice(0, maxCertificates).some((der) => {
    const responder = readCertificate(der)
    return (
      responder?.keyUsage?.includes(ocspSigning) &&
      now >= responder.validFromDate.getTime() &&
      now <= responder.validToDate.getTime() &&
      isIssuedBy(responder, issuer) &&
      !isWeaklySigned(responder) &&
      isSignedBy(response, responder)
    )
  })
}

const isSignedBy = ({ whole, signed, signature }: OcspResponse, { publicKey }: X509Certificate): boolean =>
  verifySignature(whole, { signed, signature, publicKey })

function readCertificate(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

/** Clocks differ; five minutes are the tolerance of `openssl ocsp` too. */
const toleranceMs = 300_000
/** The longest validity that the CA/Browser Forum allows (Baseline Requirements, section 4.9.10), for a response without an end. */
const longestValidityMs = 10 * 86_400_000
const certificateHold = 6

function statusOf(single: SingleResponse, now: number): Ocsp {
  const { status, thisUpdate, nextUpdate = thisUpdate + longestValidityMs, revokedAt, revocationReason } = single
  if (now < thisUpdate - toleranceMs) return invalid('not-yet-valid')
  const isFinal = status === 'revoked' && revocationReason !== certificateHold
  if (now > nextUpdate + toleranceMs && !isFinal) return invalid('expired')
  return {
    status,
    ...(revokedAt !== undefined && { revokedAt: new Date(revokedAt).toISOString() }),
    ...(revocationReason !== undefined && { revocationReason: reasonNames[revocationReason] ?? 'unspecified' }),
  }
}

/** By their numbers, RFC 5280 section 5.3.1. */
const reasonNames = [
  ...['unspecified', 'keyCompromise', 'cACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation'],
  ...['certificateHold', 'unspecified', 'removeFromCRL', 'privilegeWithdrawn', 'aACompromise'],
]
