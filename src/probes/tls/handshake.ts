import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { TlsFacts, TlsVersion } from '../../domain/protocols/tls.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Connection, Endpoint } from '../engine/probe.ts'
import { type Authorities, authoritiesWith } from './certificate/authorities.ts'
import { describeCertificate, fingerprint, namesHost } from './certificate/certificate.ts'
import { judgeStaple } from './certificate/revocation.ts'
import { judgeTrust } from './certificate/trust.ts'
import { probeContext } from './contexts.ts'
import { explainEnd, explainFailure } from './failure.ts'
import { type Greeting, greet } from './greeting.ts'

interface HandshakeOptions {
  /** PEM; trusted in addition to the system's anchors. */
  trustedCa?: string
  minVersion?: string
  maxVersion?: string
  alpn?: string[]
  /** Offers rare ciphers and groups too. */
  everything?: boolean
  /** Maximum bytes from the peer, handshake included; default 64 KiB. Excess destroys the stream. */
  maxBytes?: number
}

/** The result of a TLS handshake. */
export interface Handshake {
  /** Present if the handshake completed and the peer did not refuse the client after it; the caller must destroy it. */
  stream?: TLSSocket
  reason: ReasonCode
  facts: TlsFacts
  /** Earliest expiry in the chain, RFC 3339. */
  chainExpiresAt?: string
  /** Why the stream ended later: TLS 1.3 refuses a client only after the handshake. */
  explainEnd: (error?: Error | null) => Pick<Handshake, 'reason' | 'facts'>
}

/** Default maximum of bytes from a peer on one connection. */
export const defaultMaxBytes = 64 * 1024

/** TLS client handshake on a paused connection; verifies separately and never rejects a certificate. */
export async function handshakeTls(
  connection: Connection,
  endpoint: Endpoint,
  options: HandshakeOptions,
  deadline: Deadline,
): Promise<Handshake> {
  const authorities = authoritiesWith(options.trustedCa)
  const { alpn, maxBytes = defaultMaxBytes } = options
  const offer = { context: probeContext(authorities, options), alpn, maxBytes }
  const greeting = await greet(connection, endpoint, offer, deadline)
  const { stream, session } = greeting
  const context = { greeting, endpoint, authorities }
  const facts = session ? sessionFacts(context) : {}
  const end = (error?: Error | null) => {
    const failure = explainEnd(greeting, error)
    return { reason: failure.reason, facts: { ...facts, ...failure.facts } }
  }
  const chainExpiresAt = earliestEnd(session?.chain ?? [])
  if (stream && (greeting.closedOnClient || greeting.error)) {
    stream.destroy()
    return { ...end(), chainExpiresAt, explainEnd: end }
  }
  if (stream) return { stream, reason: 'tls-ok', facts, chainExpiresAt, explainEnd: end }
  const failure = explainFailure(greeting)
  const shown = failure.facts.clientCertificate ? clearFacts(context) : {}
  return { reason: failure.reason, facts: { ...shown, ...failure.facts }, explainEnd: end }
}

interface HandshakeContext {
  greeting: Greeting
  endpoint: Endpoint
  authorities: Authorities
}

function sessionFacts(context: HandshakeContext): TlsFacts {
  const { session, staple } = context.greeting
  if (!session) return {}
  const { protocol, cipher, keyExchange, alpn, chain, verdict } = session
  return dropAbsent({
    protocol: (protocol ?? undefined) as TlsVersion | undefined,
    cipher,
    keyExchange,
    alpn,
    ...chainFacts(chain, verdict, context),
    ocspStapled: staple !== undefined,
  })
}

/** Facts sent in clear before the peer refused a client without a certificate. */
function clearFacts(context: HandshakeContext): TlsFacts {
  const { version, chain } = context.greeting.clear
  const certificates = chain.flatMap((der) => readCertificate(der) ?? [])
  return dropAbsent({ protocol: version, ...chainFacts(certificates, undefined, context) })
}

function chainFacts(
  chain: X509Certificate[],
  verdict: string | null | undefined,
  { greeting: { staple }, endpoint, authorities }: HandshakeContext,
): TlsFacts {
  const [leaf] = chain
  if (!leaf) return {}
  const now = Date.now()
  return {
    certificate: describeCertificate(leaf),
    chain: chain.map(({ raw }) => fingerprint(raw)),
    ...judgeTrust({ chain, verdict, authorities, now }),
    ...(staple && { ocsp: judgeStaple({ staple, chain, authorities, now }) }),
    nameMatches: namesHost(leaf, endpoint.host),
  }
}

function earliestEnd(chain: readonly X509Certificate[]): string | undefined {
  const ends = chain.map(({ validToDate }) => validToDate.getTime()).filter(Number.isFinite)
  return ends.length > 0 ? new Date(Math.min(...ends)).toISOString() : undefined
}

function readCertificate(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

/** Unseen facts are absent, not `undefined`. */
const dropAbsent = (facts: TlsFacts): TlsFacts =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
