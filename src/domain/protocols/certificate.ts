import { type Static, Type } from 'typebox'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, optional, Pem } from '../policy/values.ts'
import type { Demand, Seen } from './protocol.ts'

export const Certificate = closedObject({
  subject: Type.String({ description: 'Distinguished name, RFC 4514' }),
  issuer: Type.String(),
  sans: Type.Optional(
    Type.Array(Type.String(), { description: 'Subject alternative names as `DNS:name` or `IP:address`' }),
  ),
  notBefore: Type.String({ format: 'date-time' }),
  notAfter: Type.String({ format: 'date-time' }),
  serialNumber: Type.String({ description: 'Hexadecimal' }),
  sha256: Type.String({ description: 'Fingerprint of the certificate, hexadecimal' }),
  publicKey: closedObject({
    type: Type.String({ examples: ['rsa', 'ec', 'ed25519'] }),
    bits: Type.Optional(Type.Integer()),
    sha256: Type.String({ description: 'Fingerprint of the SubjectPublicKeyInfo, hexadecimal' }),
  }),
  signatureAlgorithm: Type.Optional(
    Type.String({ description: 'As OpenSSL names it', examples: ['ecdsa-with-SHA256', 'RSASSA-PSS-SHA256'] }),
  ),
  selfSigned: Type.Boolean(),
  mustStaple: Type.Optional(
    Type.Literal(true, { description: 'It obliges the server to staple an OCSP response, RFC 7633' }),
  ),
})

const Ocsp = closedObject(
  {
    status: Type.Enum(['good', 'revoked', 'unknown', 'invalid'], {
      description: 'As the authority says in a verified response; `invalid` if the response proves nothing',
    }),
    problem: Type.Optional(
      Type.Enum(
        [
          ...['malformed', 'responder-error', 'issuer-unknown', 'other-certificate', 'not-signed-by-issuer'],
          ...['not-yet-valid', 'expired'],
        ] as const,
        { description: 'Why the response is `invalid`' },
      ),
    ),
    revokedAt: Type.Optional(Type.String({ format: 'date-time' })),
    revocationReason: Type.Optional(
      Type.String({ description: 'RFC 5280 section 5.3.1', examples: ['keyCompromise'] }),
    ),
  },
  { description: 'The stapled OCSP response about the certificate, RFC 6960' },
)

/** Facts of the certificate of a TLS session. */
export const certificateFacts = {
  certificate: Type.Optional(Certificate),
  chain: Type.Optional(
    Type.Array(Type.String(), { description: 'SHA-256 fingerprints of the chain as the peer sent it, leaf first' }),
  ),
  trusted: Type.Optional(
    Type.Boolean({ description: 'The chain leads to a trusted authority; dates and name are judged apart' }),
  ),
  trustError: Type.Optional(Type.String({ description: 'Why it is not trusted, as OpenSSL names it' })),
  nameMatches: Type.Optional(
    Type.Boolean({ description: 'The certificate names the host that was dialled, RFC 9525' }),
  ),
  ocsp: Type.Optional(Ocsp),
}
const Facts = closedObject(certificateFacts)
type Facts = Static<typeof Facts>

/** Of the facts whose changes matter. */
export const certificateSignificance = {
  trusted: 'alert',
  'ocsp/status': 'notice',
  // A renewal that keeps issuer and key changes neither.
  'certificate/issuer': 'notice',
  'certificate/publicKey': 'notice',
  'certificate/signatureAlgorithm': 'notice',
  'certificate/subject': 'notice',
  'certificate/sans': 'notice',
} as const

export const certificateReasons = {
  'certificate-expired': { about: 'rule', message: 'The certificate has expired.' },
  'certificate-not-yet-valid': { about: 'rule', message: 'The certificate is not valid yet.' },
  'certificate-expires-soon': {
    about: 'rule',
    message: 'The certificate expires sooner than the rule allows: renew it.',
  },
  'certificate-name-mismatch': { about: 'rule', message: 'The certificate does not name this host.' },
  'certificate-key-too-small': {
    about: 'rule',
    message: 'The key of the certificate is shorter than the rule allows: issue the certificate for a longer key.',
  },
  'certificate-signature-too-weak': {
    about: 'rule',
    message:
      'A signature in the certificate chain uses a weak hash such as MD5 or SHA-1, so it can be forged: issue the certificate anew.',
  },
  'certificate-authority-too-weak': {
    about: 'rule',
    message: 'An authority in the certificate chain has a key that is too short: issue the certificate by another one.',
  },
  'certificate-authority-expired': {
    about: 'rule',
    message: 'The certificate of an authority in the chain has expired: let the server send the renewed one.',
  },
  'certificate-not-for-servers': {
    about: 'rule',
    message:
      'The certificate or one of its authorities is not for TLS servers (extended key usage): issue it for server authentication.',
  },
  'certificate-name-not-permitted': {
    about: 'rule',
    message:
      'The name constraints of an authority in the certificate chain do not permit the names of this certificate, or cannot be evaluated: issue it by another authority.',
  },
  'certificate-revoked': {
    about: 'rule',
    message:
      'The authority has revoked the certificate, as the OCSP response that the server staples says: replace it.',
  },
  'certificate-staple-missing': {
    about: 'rule',
    message:
      'The certificate obliges the server to staple an OCSP response (must-staple), and the server staples none that is valid: enable OCSP stapling.',
  },
  'certificate-status-unknown': {
    about: 'rule',
    message:
      'The OCSP response that the server staples does not show whether the certificate is revoked; `ocsp` in the facts says why.',
    undecided: true,
  },
  'certificate-untrusted': { about: 'rule', message: 'The certificate chain does not lead to a trusted authority.' },
} as const satisfies Reasons
type CertificateReason = keyof typeof certificateReasons | SharedReason

const KeyBits = closedObject({
  rsa: optional(Type.Integer({ minimum: 512, maximum: 16_384 })),
  ec: optional(Type.Integer({ minimum: 112, maximum: 1024 })),
})

/** What a rule may demand of the certificate. */
export const certificateDemands = {
  trusted: optional(Flag),
  trustedCa: optional(Pem),
  allowSelfSigned: optional(Flag),
  nameMatches: optional(Flag),
  validNow: optional(Flag),
  minDaysLeft: optional(Type.Integer({ minimum: 0, maximum: 3650 })),
  minKeyBits: optional(KeyBits),
  notRevoked: optional(Flag),
}
const Expectation = closedObject(certificateDemands)
type CertificateDemand = Demand<typeof Expectation>

const dayMs = 86_400_000

/** Whole days until the certificate expires; negative afterwards. */
export const daysLeft = (notAfter: string, now: number): number => Math.floor((Date.parse(notAfter) - now) / dayMs)

export function certificateViolation(
  demand: CertificateDemand,
  { facts, observedAt }: Seen<Facts>,
): CertificateReason | undefined {
  const { certificate } = facts
  if (
    !demand.trusted &&
    !demand.nameMatches &&
    !demand.validNow &&
    !demand.minKeyBits &&
    !demand.notRevoked &&
    demand.minDaysLeft === undefined
  )
    return undefined
  if (!certificate) return 'facts-missing'
  if (demand.validNow && observedAt >= Date.parse(certificate.notAfter)) return 'certificate-expired'
  if (demand.validNow && observedAt < Date.parse(certificate.notBefore)) return 'certificate-not-yet-valid'
  if (demand.minDaysLeft !== undefined && daysLeft(certificate.notAfter, observedAt) < demand.minDaysLeft)
    return 'certificate-expires-soon'
  if (demand.nameMatches && facts.nameMatches === undefined) return 'facts-missing'
  if (demand.nameMatches && !facts.nameMatches) return 'certificate-name-mismatch'
  return (
    keyViolation(demand, certificate.publicKey) ?? trustViolation(demand, facts) ?? revocationViolation(demand, facts)
  )
}

/** Kinds of keys by type, as `minKeyBits` names them; the others have sizes that are strong by design. */
const keyKinds: Record<string, 'rsa' | 'ec' | 'strong' | undefined> = {
  rsa: 'rsa',
  'rsa-pss': 'rsa',
  dsa: 'rsa',
  ec: 'ec',
  ed25519: 'strong',
  ed448: 'strong',
  'ml-dsa-44': 'strong',
  'ml-dsa-65': 'strong',
  'ml-dsa-87': 'strong',
}

function keyViolation(
  { minKeyBits }: CertificateDemand,
  { type, bits }: Static<typeof Certificate>['publicKey'],
): CertificateReason | undefined {
  if (!minKeyBits) return undefined
  const kind = keyKinds[type]
  if (!kind) return 'facts-missing'
  const least = kind === 'strong' ? undefined : minKeyBits[kind]
  if (least === undefined) return undefined
  if (bits === undefined) return 'facts-missing'
  return bits < least ? 'certificate-key-too-small' : undefined
}

/** The `trustError` of a chain with a signature that can be forged, as OpenSSL names it. */
export const weakSignature = 'CA_MD_TOO_WEAK'

/** What a person does about it differs; all other errors mean that no trusted authority vouches for the certificate. */
const trustReasons: Readonly<Record<string, CertificateReason>> = {
  [weakSignature]: 'certificate-signature-too-weak',
  CA_KEY_TOO_SMALL: 'certificate-authority-too-weak',
  CERT_HAS_EXPIRED: 'certificate-authority-expired',
  INVALID_PURPOSE: 'certificate-not-for-servers',
  PERMITTED_SUBTREE_VIOLATION: 'certificate-name-not-permitted',
  EXCLUDED_SUBTREE_VIOLATION: 'certificate-name-not-permitted',
  // Name constraints that OpenSSL cannot evaluate.
  NAME_CONSTRAINTS_MINIMUM_AND_MAXIMUM_NOT_SUPPORTED: 'certificate-name-not-permitted',
  UNSUPPORTED_NAME_CONSTRAINT_TYPE: 'certificate-name-not-permitted',
  UNSUPPORTED_OR_INVALID_NAME_CONSTRAINT_SYNTAX: 'certificate-name-not-permitted',
  UNSUPPORTED_OR_INVALID_NAME_SYNTAX: 'certificate-name-not-permitted',
}

function trustViolation(
  demand: CertificateDemand,
  { certificate, trusted, trustError }: Facts,
): CertificateReason | undefined {
  if (!demand.trusted || (demand.allowSelfSigned && certificate?.selfSigned)) return undefined
  if (trusted === undefined) return 'facts-missing'
  if (trusted) return undefined
  return trustReasons[trustError ?? ''] ?? 'certificate-untrusted'
}

// A client that finds no staple cannot know; one that enforces RFC 7633 refuses.
function revocationViolation(
  { trusted, notRevoked }: CertificateDemand,
  { certificate, ocsp }: Facts,
): CertificateReason | undefined {
  if ((trusted || notRevoked) && ocsp?.status === 'revoked') return 'certificate-revoked'
  if (!notRevoked || ocsp?.status === 'good') return undefined
  if (certificate?.mustStaple && ocsp?.status !== 'unknown') return 'certificate-staple-missing'
  return ocsp && 'certificate-status-unknown'
}

/** As Go's crypto/tls verifies: trusted, named, within its dates; and not known to be revoked. A missing fact is a failure. */
export function isVerified({ facts, observedAt }: Pick<Seen<Facts>, 'facts' | 'observedAt'>): boolean {
  const { trusted, nameMatches, certificate, ocsp } = facts
  const isCurrent =
    certificate !== undefined &&
    observedAt >= Date.parse(certificate.notBefore) &&
    observedAt <= Date.parse(certificate.notAfter)
  return trusted === true && nameMatches === true && isCurrent && ocsp?.status !== 'revoked'
}
