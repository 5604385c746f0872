import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { AddressResult } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { TlsFacts, TlsVersion } from '../../domain/protocols/tls.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Endpoint } from '../engine/probe.ts'
import { type Authorities, authoritiesWith } from './certificate/authorities.ts'
import { describeCertificate, fingerprint, namesHost } from './certificate/certificate.ts'
import { judgeStaple } from './certificate/revocation.ts'
import { judgeTrust } from './certificate/trust.ts'
import { probeContext } from './contexts.ts'
import { explainEnd, explainFailure } from './failure.ts'
import { type Greeting, greet } from './greeting.ts'
import type { TlsCarrier } from './tap.ts'

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

type ChainMeasurements = Pick<NonNullable<AddressResult['measurements']>, 'chainExpiresAt' | 'trustedUntil'>

/** The result of a TLS handshake. */
export interface Handshake {
  /** Present if the handshake completed and the peer did not refuse the client after it; the caller must destroy it. */
  stream?: TLSSocket
  reason: ReasonCode
  facts: TlsFacts
  measurements?: ChainMeasurements
  /** Why the stream ended later: TLS 1.3 refuses a client only after the handshake. */
  explainEnd: (error?: Error | null) => Pick<Handshake, 'reason' | 'facts'>
}

/** Default maximum of bytes from a peer on one connection. */
export const defaultMaxBytes = 64 * 1024

/** TLS client handshake on a paused connection; verifies separately and never rejects a certificate. */
export async function handshakeTls(
  carrier: TlsCarrier,
  endpoint: Endpoint,
  options: HandshakeOptions,
  deadline: Deadline,
): Promise<Handshake> {
  const authorities = authoritiesWith(options.trustedCa)
  const { alpn, maxBytes = defaultMaxBytes } = options
  const offer = { context: probeContext(authorities, options), alpn, maxBytes }
  const greeting = await greet(carrier, endpoint, offer, deadline)
  const { stream, session } = greeting
  const context = { greeting, endpoint, authorities }
  const { facts, measurements } = session ? sessionFacts(context) : { facts: {} }
  const end = (error?: Error | null) => {
    const failure = explainEnd(greeting, error)
    return { reason: failure.reason, facts: { ...facts, ...failure.facts } }
  }
  if (stream && (greeting.closedOnClient || greeting.error)) {
    stream.destroy()
    return { ...end(), ...(measurements && { measurements }), explainEnd: end }
  }
  if (stream) return { stream, reason: 'tls-ok', facts, ...(measurements && { measurements }), explainEnd: end }
  const failure = explainFailure(greeting)
  const shown = failure.facts.clientCertificate ? clearFacts(context) : {}
  return { reason: failure.reason, facts: { ...shown, ...failure.facts }, explainEnd: end }
}

interface HandshakeContext {
  greeting: Greeting
  endpoint: Endpoint
  authorities: Authorities
}

function sessionFacts(context: HandshakeContext): { facts: TlsFacts; measurements?: ChainMeasurements } {
  const { session, staple } = context.greeting
  if (!session) return { facts: {} }
  const { protocol, cipher, keyExchange, alpn, chain, verdict } = session
  const { trustedUntil, ...ofChain } = chainFacts(chain, verdict, context)
  const facts = dropAbsent({
    protocol: (protocol ?? undefined) as TlsVersion | undefined,
    cipher,
    keyExchange,
    alpn,
    ...ofChain,
    ocspStapled: staple !== undefined,
  })
  const chainExpiresAt = earliestEnd(chain)
  if (chainExpiresAt === undefined) return { facts }
  const isVerified = trustedUntil !== undefined && facts.nameMatches === true
  return {
    facts,
    measurements: {
      chainExpiresAt,
      ...(isVerified && { trustedUntil: new Date(trustedUntil).toISOString() }),
    },
  }
}

/** Facts sent in clear before the peer refused a client without a certificate. */
function clearFacts(context: HandshakeContext): TlsFacts {
  const { version, chain } = context.greeting.clear
  const certificates = chain.flatMap((der) => readCertificate(der) ?? [])
  const { trustedUntil: _, ...facts } = chainFacts(certificates, undefined, context)
  return dropAbsent({ protocol: version, ...facts })
}

function chainFacts(
  chain: X509Certificate[],
  verdict: string | null | undefined,
  { greeting: { staple }, endpoint, authorities }: HandshakeContext,
): TlsFacts & Pick<ReturnType<typeof judgeTrust>, 'trustedUntil'> {
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
