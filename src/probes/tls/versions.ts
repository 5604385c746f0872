import { type TlsFacts, type TlsVersion, tlsVersions } from '../../domain/protocols/tls.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Endpoint, Outcome } from '../engine/probe.ts'
import { offeringContext } from './contexts.ts'
import { alertOf } from './failure.ts'
import { recognizeEnded } from './first-bytes.ts'
import { greet } from './greeting.ts'
import { defaultMaxBytes } from './handshake.ts'
import { offerOldCiphers } from './old-ciphers.ts'
import type { TlsCarrier } from './tap.ts'

/** `connect` gives a connection on which TLS may begin. */
interface VersionsIo {
  connect: (endpoint: Endpoint, deadline: Deadline) => Promise<TlsCarrier | Outcome>
  deadline: Deadline
}

type Versions = NonNullable<TlsFacts['versions']>

/** `closed` and `reset` count as refused only if another version works. */
type OfferResult = 'accepted' | 'refused' | 'closed' | 'reset' | 'unclear'

/**
 * Offers each version alone, one connection each. `refused` requires an alert, another version, or a close while another
 * version works. Silence, local failures and SSLv3, which OpenSSL cannot offer, are `not-tested`.
 */
export async function tryVersions(
  endpoint: Endpoint,
  requested: readonly string[],
  seen: TlsFacts,
  io: VersionsIo,
): Promise<Versions> {
  const versions = tlsVersions.filter((version) => requested.includes(version))
  const isForeign = seen.spoke !== undefined && seen.spoke !== 'nothing'
  const isSilent = seen.protocol === undefined && io.deadline.expired
  if (isForeign || isSilent) return Object.fromEntries(versions.map((version) => [version, 'not-tested']))
  const results = new Map<TlsVersion, OfferResult>()
  for (const [index, version] of versions.entries()) {
    // A silent version must not use up the time of the others.
    const deadline = io.deadline.share(versions.length - index)
    results.set(
      version,
      version === seen.protocol
        ? 'accepted'
        : await offerVersion(endpoint, version, { connect: (to, within) => io.connect(to, within), deadline }),
    )
  }
  const another = seen.protocol !== undefined || [...results.values()].includes('accepted')
  const toFact = (result: OfferResult) => {
    if (result === 'accepted' || result === 'refused') return result
    return another && result !== 'unclear' ? 'refused' : 'not-tested'
  }
  return Object.fromEntries([...results].map(([version, result]) => [version, toFact(result)]))
}

async function offerVersion(endpoint: Endpoint, version: TlsVersion, io: VersionsIo): Promise<OfferResult> {
  if (version === 'SSLv3') return 'unclear'
  const result = await offerOnce(endpoint, version, io)
  // One reset may be an accident, two are a response.
  return result === 'reset' ? offerOnce(endpoint, version, io) : result
}

// RFC 8446 section 6: may concern the ciphers rather than the version.
const aboutCiphers: ReadonlySet<number> = new Set([40, 71])

async function offerOnce(endpoint: Endpoint, version: TlsVersion, io: VersionsIo): Promise<OfferResult> {
  const connection = await io.connect(endpoint, io.deadline)
  if (!('socket' in connection)) return 'unclear'
  const offer = { context: offeringContext(version), maxBytes: defaultMaxBytes }
  const { stream, tap, clear, error } = await greet(connection, endpoint, offer, io.deadline)
  stream?.destroy()
  if (stream) return 'accepted'
  if (clear.version) return clear.version === version ? 'accepted' : 'refused'
  const alert = clear.alert ?? alertOf(error)
  if (alert !== undefined && aboutCiphers.has(alert) && version !== 'TLSv1.3') return offerOld(endpoint, version, io)
  if (alert !== undefined) return 'refused'
  if (recognizeEnded(tap.first) !== 'nothing') return 'unclear'
  return tap.ended === 'closed' || tap.ended === 'reset' ? tap.ended : 'unclear'
}

async function offerOld(endpoint: Endpoint, version: TlsVersion, io: VersionsIo): Promise<OfferResult> {
  const connection = await io.connect(endpoint, io.deadline)
  if (!('socket' in connection)) return 'unclear'
  return offerOldCiphers(connection, endpoint, version, io.deadline)
}
