import { type Static, Type } from 'typebox'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { list, optional } from '../policy/values.ts'
import {
  certificateDemands,
  certificateFacts,
  certificateReasons,
  certificateSignificance,
  certificateViolation,
  isVerified,
} from './certificate.ts'
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

const offered = Type.Enum(['accepted', 'refused', 'not-tested'])

/** Of one session, also for protocols inside TLS. */
export const TlsFacts = closedObject({
  protocol: Type.Optional(Type.Enum([...tlsVersions])),
  cipher: Type.Optional(Type.String({ description: 'IANA name' })),
  keyExchange: Type.Optional(Type.String({ examples: ['X25519', 'ECDH prime256v1'] })),
  alpn: Type.Optional(Type.String()),
  ...certificateFacts,
  ocspStapled: Type.Optional(Type.Boolean({ description: 'The peer sent an OCSP response in the handshake' })),
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

export const tlsSignificance = {
  protocol: 'notice',
  versions: 'notice',
  ...certificateSignificance,
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
  ...certificateReasons,
} as const satisfies Reasons
type TlsReason = keyof typeof reasons | SharedReason

const TlsExpectation = closedObject({
  minVersion: optional(Type.Enum([...tlsVersions])),
  refuses: optional(list(Type.Enum([...tlsVersions]))),
  ...certificateDemands,
})
type TlsDemand = Demand<typeof TlsExpectation>

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

/** The group `tls`, for protocols with TLS facts. */
export const tlsGroup: ExpectationGroup<typeof TlsExpectation, TlsFacts, TlsReason> = {
  schema: TlsExpectation,
  violation,
  contradictions: ({ minVersion, refuses }) => {
    const allowed = tlsVersions.slice(Math.max(0, tlsVersions.indexOf(minVersion as TlsVersion)))
    const isPossible = allowed.some((version) => ![refuses].flat().includes(version))
    const message = !isPossible
      ? 'must leave a version that the rest of `tls` allows'
      : [refuses].flat().includes('SSLv3')
        ? 'must not name SSLv3: no handshake of this service offers it, so that the rule would never pass'
        : undefined
    return message === undefined ? [] : [{ pointer: '/refuses', message }]
  },
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
