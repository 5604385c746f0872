import { type Static, Type } from 'typebox'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, list, optional, Pem } from '../policy/values.ts'
import {
  type Demand,
  defineProtocol,
  type ExpectationGroup,
  omitted,
  type ProbeModule,
  type Seen,
  type SignificanceOf,
  spoke,
} from './protocol.ts'

export const tlsVersions = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
export type TlsVersion = (typeof tlsVersions)[number]

const Certificate = closedObject({
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

const offered = Type.Enum(['accepted', 'refused', 'not-tested'])

/** Of one session, also for protocols inside TLS. */
export const TlsFacts = closedObject({
  protocol: Type.Optional(Type.Enum([...tlsVersions])),
  cipher: Type.Optional(Type.String({ description: 'IANA name' })),
  keyExchange: Type.Optional(Type.String({ examples: ['X25519', 'ECDH prime256v1'] })),
  alpn: Type.Optional(Type.String()),
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
  ocspStapled: Type.Optional(Type.Boolean({ description: 'The peer sent an OCSP response in the handshake' })),
  ocsp: Type.Optional(Ocsp),
  clientCertificate: Type.Optional(Type.Enum(['required'])),
  versions: Type.Optional(
    Type.Partial(
      closedObject({ SSLv3: offered, TLSv1: offered, 'TLSv1.1': offered, 'TLSv1.2': offered, 'TLSv1.3': offered }),
    ),
  ),
  spoke,
  omitted,
  alert: Type.Optional(Type.Integer({ description: 'TLS alert number, RFC 8446 section 6' })),
})
export type TlsFacts = Static<typeof TlsFacts>
type CertificateKey = NonNullable<TlsFacts['certificate']>['publicKey']

export const tlsSignificance = {
  trusted: 'alert',
  'ocsp/status': 'notice',
  protocol: 'notice',
  versions: 'notice',
  // A renewal that keeps issuer and key changes neither.
  'certificate/issuer': 'notice',
  'certificate/publicKey': 'notice',
  'certificate/signatureAlgorithm': 'notice',
  'certificate/subject': 'notice',
  'certificate/sans': 'notice',
} as const satisfies SignificanceOf<TlsFacts>

const reasons = {
  'tls-ok': { about: 'peer', message: 'The TLS handshake completed.' },
  'tls-alert': {
    about: 'peer',
    message: 'The peer refused the TLS handshake with an alert; its number is in the facts.',
  },
  'tls-client-certificate-required': {
    about: 'peer',
    message: 'The peer speaks TLS and requires a client certificate.',
  },
  'tls-no-common-parameters': {
    about: 'peer',
    message:
      'The peer speaks TLS and found no common cipher, group or signature algorithm in what this version can offer; its clients may offer others.',
    undecided: true,
  },
  'tls-handshake-failed': { about: 'peer', message: 'The TLS handshake failed before a session was agreed.' },
  'tls-version-too-old': { about: 'rule', message: 'The agreed TLS version is older than the rule allows.' },
  'tls-old-version-accepted': { about: 'rule', message: 'The peer accepts a TLS version that the rule forbids.' },
  'tls-version-not-tested': {
    about: 'rule',
    message: 'A TLS version that the rule forbids could not be offered from here, so it is not known.',
    undecided: true,
  },
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
    message: 'A signature in the certificate chain uses MD5 or SHA-1, which can be forged: issue the certificate anew.',
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
      'An authority in the certificate chain may not issue for the names of this certificate (name constraints): issue it by another authority.',
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
type TlsReason = keyof typeof reasons | SharedReason

const KeyBits = closedObject({
  rsa: optional(Type.Integer({ minimum: 512, maximum: 16_384 })),
  ec: optional(Type.Integer({ minimum: 112, maximum: 1024 })),
})

const TlsExpectation = closedObject({
  minVersion: optional(Type.Enum([...tlsVersions])),
  refuses: optional(list(Type.Enum([...tlsVersions]))),
  trusted: optional(Flag),
  trustedCa: optional(Pem),
  allowSelfSigned: optional(Flag),
  nameMatches: optional(Flag),
  validNow: optional(Flag),
  minDaysLeft: optional(Type.Integer({ minimum: 0, maximum: 3650 })),
  minKeyBits: optional(KeyBits),
  notRevoked: optional(Flag),
})
type TlsDemand = Demand<typeof TlsExpectation>

const dayMs = 86_400_000

/** Whole days until the certificate expires; negative afterwards. */
export const daysLeft = (notAfter: string, now: number): number => Math.floor((Date.parse(notAfter) - now) / dayMs)

function violation<Code extends string>(demand: TlsDemand, seen: Seen<TlsFacts, Code>): TlsReason | Code | undefined {
  const { facts } = seen
  if (!facts.protocol) return seen.reason
  if (demand.minVersion && tlsVersions.indexOf(facts.protocol) < tlsVersions.indexOf(demand.minVersion))
    return 'tls-version-too-old'
  for (const version of demand.refuses ?? []) {
    const outcome = facts.versions?.[version]
    if (outcome === 'accepted') return 'tls-old-version-accepted'
    if (outcome !== 'refused') return 'tls-version-not-tested'
  }
  return certificateViolation(demand, seen)
}

function certificateViolation(demand: TlsDemand, { facts, observedAt }: Seen<TlsFacts>): TlsReason | undefined {
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

function keyViolation({ minKeyBits }: TlsDemand, { type, bits }: CertificateKey): TlsReason | undefined {
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
const trustReasons: Readonly<Record<string, TlsReason>> = {
  [weakSignature]: 'certificate-signature-too-weak',
  CA_KEY_TOO_SMALL: 'certificate-authority-too-weak',
  CERT_HAS_EXPIRED: 'certificate-authority-expired',
  INVALID_PURPOSE: 'certificate-not-for-servers',
  PERMITTED_SUBTREE_VIOLATION: 'certificate-name-not-permitted',
  EXCLUDED_SUBTREE_VIOLATION: 'certificate-name-not-permitted',
}

function trustViolation(demand: TlsDemand, { certificate, trusted, trustError }: TlsFacts): TlsReason | undefined {
  if (!demand.trusted || (demand.allowSelfSigned && certificate?.selfSigned)) return undefined
  if (trusted === undefined) return 'facts-missing'
  if (trusted) return undefined
  return trustReasons[trustError ?? ''] ?? 'certificate-untrusted'
}

// A client that finds no staple cannot know; one that enforces RFC 7633 refuses.
function revocationViolation(
  { trusted, notRevoked }: TlsDemand,
  { certificate, ocsp }: TlsFacts,
): TlsReason | undefined {
  if ((trusted || notRevoked) && ocsp?.status === 'revoked') return 'certificate-revoked'
  if (!notRevoked || ocsp?.status === 'good') return undefined
  if (certificate?.mustStaple && ocsp?.status !== 'unknown') return 'certificate-staple-missing'
  return ocsp && 'certificate-status-unknown'
}

/** The group `tls`, for protocols with TLS facts. */
export const tlsGroup: ExpectationGroup<typeof TlsExpectation, TlsFacts, TlsReason> = {
  schema: TlsExpectation,
  violation,
  merge: (outside, inside) => ({
    ...inside,
    ...outside,
    refuses: [...new Set([...(outside.refuses ?? []), ...(inside.refuses ?? [])])],
  }),
}

/** The handshake options, for protocols with the group `tls`. */
export const tlsOptions = {
  trustedCa: Type.Optional(Type.String({ maxLength: 100_000 })),
  offerVersions: Type.Optional(Type.Array(Type.Enum([...tlsVersions]))),
}
export const tlsOptionsFor = (tls: TlsDemand | undefined) => ({
  trustedCa: tls?.trustedCa,
  offerVersions: tls?.refuses,
})

/** For protocols with the options of TLS. */
export const awaitsTls = ({ protocol }: TlsFacts): string =>
  protocol ? 'response to each TLS version' : 'complete TLS handshake'

/** As Go's crypto/tls verifies: trusted, named, within its dates; and not known to be revoked. A missing fact is a failure. */
export function isVerified({ facts, observedAt }: Pick<Seen<TlsFacts>, 'facts' | 'observedAt'>): boolean {
  const { trusted, nameMatches, certificate, ocsp } = facts
  const isCurrent =
    certificate !== undefined &&
    observedAt >= Date.parse(certificate.notBefore) &&
    observedAt <= Date.parse(certificate.notAfter)
  return trusted === true && nameMatches === true && isCurrent && ocsp?.status !== 'revoked'
}

const completed = ({ reason }: Seen<TlsFacts>) => reason === 'tls-ok'
const verified: ProbeModule<TlsFacts> = { succeeds: (seen) => completed(seen) && isVerified(seen) }

/** TLS from the first byte, with any protocol inside. */
export const tls = defineProtocol({
  name: 'tls',
  facts: TlsFacts,
  expects: { tls: tlsGroup },
  options: closedObject(tlsOptions),
  optionsFor: (expect) => tlsOptionsFor(expect.tls),
  awaits: awaitsTls,
  reasons,
  modules: { tls_connect: verified, tcp_tls: verified, tls_connect_insecure: { succeeds: completed } },
  significance: tlsSignificance,
})
