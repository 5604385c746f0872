import { type Static, Type } from 'typebox'
import { closedObject } from '../policy/shape.ts'
import type { ReasonCode } from './reasons.ts'

/** What a probe can say of an endpoint; the first three as nmap means them. */
export const states = ['open', 'closed', 'filtered', 'unreachable', 'unresolved', 'unknown'] as const
export type State = (typeof states)[number]

export const tlsVersions = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
export type TlsVersion = (typeof tlsVersions)[number]

/** How a connection to a directory is protected. */
export const ldapChannels = ['plain', 'starttls', 'ldaps'] as const

const strings = Type.Array(Type.String())

const Certificate = closedObject({
  subject: Type.String({ description: 'Distinguished name, RFC 4514' }),
  issuer: Type.String(),
  sans: Type.Array(Type.String(), { description: 'Subject alternative names as `DNS:name` or `IP:address`' }),
  notBefore: Type.String({ format: 'date-time' }),
  notAfter: Type.String({ format: 'date-time' }),
  serialNumber: Type.String({ description: 'Hexadecimal' }),
  sha256: Type.String({ description: 'Fingerprint of the certificate, hexadecimal' }),
  publicKey: closedObject({
    type: Type.String({ examples: ['rsa', 'ec', 'ed25519'] }),
    bits: Type.Optional(Type.Integer()),
    sha256: Type.String({ description: 'Fingerprint of the SubjectPublicKeyInfo, hexadecimal' }),
  }),
  selfSigned: Type.Boolean(),
})

const spoke = Type.Optional(
  Type.Enum(['http', 'ssh', 'smtp', 'other', 'nothing'], {
    description: 'What answered instead of the protocol, by its first bytes',
  }),
)

const offered = Type.Enum(['accepted', 'refused', 'not-tested'])

const tlsFacts = {
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
  ocspStapled: Type.Optional(Type.Boolean()),
  clientCertificate: Type.Optional(Type.Enum(['required'])),
  versions: Type.Optional(
    Type.Partial(
      closedObject({ SSLv3: offered, TLSv1: offered, 'TLSv1.1': offered, 'TLSv1.2': offered, 'TLSv1.3': offered }),
    ),
  ),
  spoke,
  alert: Type.Optional(Type.Integer({ description: 'TLS alert number, RFC 8446 section 6' })),
}

export const TcpFacts = closedObject({})
export const TlsFacts = closedObject(tlsFacts)
export const HttpsFacts = closedObject({
  ...tlsFacts,
  http: Type.Optional(
    closedObject({ status: Type.Integer(), server: Type.Optional(Type.String()), hsts: Type.Optional(Type.String()) }),
  ),
  plainHttp: Type.Optional(
    closedObject(
      { answered: Type.Boolean(), status: Type.Optional(Type.Integer()), server: Type.Optional(Type.String()) },
      { description: 'What a request without TLS on the same port brought' },
    ),
  ),
})

export const SshFacts = closedObject({
  identification: Type.Optional(Type.String({ description: 'As sent, control bytes escaped; RFC 4253 section 4.2' })),
  protocolVersion: Type.Optional(Type.String({ examples: ['2.0', '1.99'] })),
  software: Type.Optional(Type.String()),
  algorithms: Type.Optional(
    closedObject(
      {
        kex: strings,
        hostKey: strings,
        cipherClientToServer: strings,
        cipherServerToClient: strings,
        macClientToServer: strings,
        macServerToClient: strings,
        compressionClientToServer: strings,
        compressionServerToClient: strings,
      },
      { description: 'The eight lists of SSH_MSG_KEXINIT in the order of RFC 4253 section 7.1' },
    ),
  ),
  hostKey: Type.Optional(
    closedObject({
      type: Type.String({ examples: ['ssh-ed25519'] }),
      sha256: Type.String({ description: 'As ssh-keygen -l prints it: SHA256:base64 without padding' }),
      verified: Type.Boolean({ description: 'The signature over the key exchange verified with this key' }),
    }),
  ),
  spoke,
})

export const LdapFacts = closedObject({
  security: Type.Optional(Type.Enum([...ldapChannels])),
  activeDirectory: Type.Optional(Type.Boolean()),
  rootDse: Type.Optional(
    Type.Partial(
      closedObject({
        dnsHostName: Type.String(),
        defaultNamingContext: Type.String(),
        ldapServiceName: Type.String(),
        domainFunctionality: Type.Integer(),
        forestFunctionality: Type.Integer(),
        domainControllerFunctionality: Type.Integer(),
        supportedSaslMechanisms: strings,
        supportedCapabilities: strings,
        isGlobalCatalogReady: Type.Boolean(),
        isSynchronized: Type.Boolean(),
      }),
    ),
  ),
  tls: Type.Optional(TlsFacts),
  startTls: Type.Optional(closedObject({ offered: Type.Boolean(), resultCode: Type.Optional(Type.Integer()) })),
  bind: Type.Optional(
    closedObject({
      as: Type.Enum(['anonymous', 'credential']),
      resultCode: Type.Integer({ description: 'RFC 4511 appendix A' }),
      resultName: Type.String(),
      adCode: Type.Optional(Type.String({ description: 'The `data` code of Active Directory, hexadecimal' })),
    }),
  ),
  plainBind: Type.Optional(
    closedObject(
      { resultCode: Type.Integer(), resultName: Type.String() },
      { description: 'The answer to a simple bind in clear, tried as a user that does not exist' },
    ),
  ),
  spoke,
})

/** Facts by probe: stable things only, so that equal facts mean that nothing changed. */
export interface FactsByProbe {
  tcp: Static<typeof TcpFacts>
  tls: Static<typeof TlsFacts>
  https: Static<typeof HttpsFacts>
  ssh: Static<typeof SshFacts>
  ldap: Static<typeof LdapFacts>
}
export type ProbeName = keyof FactsByProbe
export const probeNames = ['tcp', 'tls', 'https', 'ssh', 'ldap'] as const satisfies ProbeName[]

/** What a probe saw at one address. */
export interface AddressResult<P extends ProbeName = ProbeName> {
  /** The literal address that was dialled; null when none could be (no such name, invalid host). */
  address: string | null
  state: State
  reason: ReasonCode
  facts: FactsByProbe[P]
  /** Milliseconds from the start of the deciding try to its answer; null when nothing was dialled. */
  latencyMs: number | null
  /** Connections tried, confirmations of silence included. */
  attempts: number
  /** Volatile values; never part of the evidence. */
  measurements?: {
    clockSkewMs?: number
    /** When the first certificate expires of those that the peer sent; RFC 3339. */
    chainExpiresAt?: string
  }
}

/** What one check saw: one sighting for each address of the host, never none. */
export interface Observation<P extends ProbeName = ProbeName> {
  probe: P
  host: string
  port: number
  /** When the probe ended, by the clock of the vantage; RFC 3339, UTC. */
  observedAt: string
  addressResults: [AddressResult<P>, ...AddressResult<P>[]]
}
