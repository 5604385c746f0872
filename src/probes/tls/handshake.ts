import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { FactsByProbe, TlsVersion } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Connection, Endpoint } from '../engine/probe.ts'
import { type Authorities, authoritiesWith } from './authorities.ts'
import { describeCertificate, fingerprint, namesHost } from './certificate.ts'
import { probeContext } from './contexts.ts'
import { explainEnd, explainFailure } from './failure.ts'
import { type Greeting, greet } from './greeting.ts'
import { judgeTrust } from './trust.ts'

type TlsFacts = FactsByProbe['tls']

interface HandshakeOptions {
  /** PEM certificates that are trusted besides those of the system. */
  trustedCa?: string
  minVersion?: string
  maxVersion?: string
  alpn?: string[]
  /** Cap on all bytes that the peer may send, in TLS records, handshake included; default 64 KiB. Beyond it the stream is destroyed. */
  maxBytes?: number
}

/** What a TLS handshake brought. */
export interface Handshake {
  /** The TLS stream, where the handshake completed; the caller owns it and destroys it. It may have been destroyed by the peer already. */
  stream?: TLSSocket
  reason: ReasonCode
  facts: TlsFacts
  /** When the first certificate expires of those that the peer sent; RFC 3339. */
  chainExpiresAt?: string
  /** Why the stream ended afterwards, from the error if the owner has it: TLS 1.3 refuses a client only after the handshake. */
  explainEnd: (error?: Error | null) => Pick<Handshake, 'reason' | 'facts'>
}

/** Bytes that a probe accepts from a peer over one connection, if it does not say otherwise. */
export const defaultMaxBytes = 64 * 1024

/** TLS client handshake over an established, paused connection; verifies separately, never rejects a certificate on its own. */
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
  const sight = { greeting, endpoint, authorities }
  const facts = session ? sessionFacts(sight) : {}
  const end = (error?: Error | null) => {
    const failure = explainEnd(greeting, error)
    return { reason: failure.reason, facts: { ...facts, ...failure.facts } }
  }
  const chainExpiresAt = earliestEnd(session?.chain ?? [])
  if (stream) return { stream, reason: 'tls-ok', facts, chainExpiresAt, explainEnd: end }
  const failure = explainFailure(greeting)
  const shown = failure.facts.clientCertificate ? clearFacts(sight) : {}
  return { reason: failure.reason, facts: { ...shown, ...failure.facts }, explainEnd: end }
}

interface Sight {
  greeting: Greeting
  endpoint: Endpoint
  authorities: Authorities
}

function sessionFacts(sight: Sight): TlsFacts {
  const { session, ocspStapled } = sight.greeting
  if (!session) return {}
  const { protocol, cipher, keyExchange, alpn, chain, verdict } = session
  return dropAbsent({
    protocol: (protocol ?? undefined) as TlsVersion | undefined,
    cipher,
    keyExchange,
    alpn,
    ...chainFacts(chain, verdict, sight),
    ocspStapled,
  })
}

/** What the peer showed in clear before it refused to go on without a client certificate. */
function clearFacts(sight: Sight): TlsFacts {
  const { version, chain } = sight.greeting.clear
  const certificates = chain.flatMap((der) => readCertificate(der) ?? [])
  return dropAbsent({ protocol: version, ...chainFacts(certificates, undefined, sight) })
}

function chainFacts(
  chain: X509Certificate[],
  verdict: string | null | undefined,
  { endpoint, authorities }: Sight,
): TlsFacts {
  const [leaf] = chain
  if (!leaf) return {}
  return {
    certificate: describeCertificate(leaf),
    chain: chain.map(({ raw }) => fingerprint(raw)),
    ...judgeTrust({ chain, verdict, authorities, now: Date.now() }),
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

/** Facts are absent when they were not seen, and not `undefined`. */
const dropAbsent = (facts: TlsFacts): TlsFacts =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
