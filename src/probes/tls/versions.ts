import { type FactsByProbe, type TlsVersion, tlsVersions } from '../../domain/findings/observation.ts'
import { createDeadline } from '../engine/deadline.ts'
import { type Endpoint, isConnection, type ProbeIo } from '../engine/probe.ts'
import { offeringContext } from './contexts.ts'
import { alertOf } from './failure.ts'
import { recognizeEnded } from './first-bytes.ts'
import { greet } from './greeting.ts'
import { defaultMaxBytes } from './handshake.ts'
import { offerOldCiphers } from './old-ciphers.ts'

type Versions = NonNullable<FactsByProbe['tls']['versions']>

/** What offering one version brought; `closed` and `reset` refuse it only where another version is known to work. */
type Answer = 'accepted' | 'refused' | 'closed' | 'reset' | 'unclear'

/**
 * Offers each version alone, one connection each, and tells which the peer accepts. `refused` only on a conclusive
 * refusal: an alert, another version in answer, or an end without an answer where another version works. Silence, trouble
 * of ours, and SSLv3 (which OpenSSL here cannot offer) are `not-tested`.
 */
export async function tryVersions(
  endpoint: Endpoint,
  asked: readonly string[],
  seen: FactsByProbe['tls'],
  io: ProbeIo,
): Promise<Versions> {
  const versions = tlsVersions.filter((version) => asked.includes(version))
  const foreign = seen.spoke !== undefined && seen.spoke !== 'nothing'
  if (foreign) return Object.fromEntries(versions.map((version) => [version, 'not-tested']))
  const answers = new Map<TlsVersion, Answer>()
  for (const [index, version] of versions.entries()) {
    // A version that drowns in silence must not take the time of the others.
    const deadline = createDeadline(io.deadline.remainingMs() / (versions.length - index))
    answers.set(
      version,
      version === seen.protocol ? 'accepted' : await offerVersion(endpoint, version, { ...io, deadline }),
    )
  }
  const another = seen.protocol !== undefined || [...answers.values()].includes('accepted')
  const publish = (answer: Answer) => {
    if (answer === 'accepted' || answer === 'refused') return answer
    return another && answer !== 'unclear' ? 'refused' : 'not-tested'
  }
  return Object.fromEntries([...answers].map(([version, answer]) => [version, publish(answer)]))
}

async function offerVersion(endpoint: Endpoint, version: TlsVersion, io: ProbeIo): Promise<Answer> {
  if (version === 'SSLv3') return 'unclear'
  const answer = await offerOnce(endpoint, version, io)
  // A reset may be an accident; the same one twice is an answer.
  return answer === 'reset' ? offerOnce(endpoint, version, io) : answer
}

// RFC 8446 section 6: these may speak of the ciphers that were offered rather than of the version.
const aboutCiphers: ReadonlySet<number> = new Set([40, 71])

async function offerOnce(endpoint: Endpoint, version: TlsVersion, io: ProbeIo): Promise<Answer> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return 'unclear'
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

async function offerOld(endpoint: Endpoint, version: TlsVersion, io: ProbeIo): Promise<Answer> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return 'unclear'
  return offerOldCiphers(connection, endpoint, version, io.deadline)
}
