import type { TlsFacts } from '../../domain/protocols/tls.ts'
import { createPatience, type Deadline } from '../engine/deadline.ts'
import type { Probe, ProbeResult } from '../engine/probe.ts'
import type { Handshake } from './handshake.ts'
import { type Agreed, isAgreed, offerHttp } from './offer-http.ts'
import { tryVersions } from './versions.ts'

/** One TLS handshake, plus one for each version that the rule names. */
export const probeTls: Probe<'tls'> = async (endpoint, { trustedCa, offerVersions = [] }, io) => {
  const agreed = await offerHttp(endpoint, { trustedCa }, io)
  if (!isAgreed(agreed)) return { ...agreed, facts: {} }
  const seen = await clientVerdict(agreed, io.deadline)
  const versions =
    offerVersions.length > 0 ? { versions: await tryVersions(endpoint, offerVersions, seen.facts, io) } : {}
  return resultOf(seen, versions)
}

/** The result of a `tls` check, from its handshake or that of another probe. */
export const resultOf = (
  { reason, facts, chainExpiresAt }: Seen,
  versions: Pick<TlsFacts, 'versions'>,
): ProbeResult<'tls'> => ({
  state: 'open',
  reason,
  facts: { ...facts, ...versions },
  ...(chainExpiresAt !== undefined && { measurements: { chainExpiresAt } }),
})

type Seen = Pick<Handshake, 'reason' | 'facts' | 'chainExpiresAt'>

/**
 * A TLS 1.3 server demands a client certificate only after the handshake (RFC 8446 section 4.4.2.4). Closing our side
 * provokes its next message: an alert, a session ticket or the close.
 */
function clientVerdict({ handshake, connectMs }: Agreed, deadline: Deadline): Promise<Seen> | Seen {
  const { stream, facts } = handshake
  if (!stream) return handshake
  const { promise, resolve } = Promise.withResolvers<Seen>()
  const settle = () => {
    cancelPatience()
    stream.destroy()
    resolve(seenInEnd(handshake))
  }
  const cancelPatience = createPatience(connectMs, deadline).onExpiry(settle)
  if (stream.destroyed || facts.protocol !== 'TLSv1.3') settle()
  for (const event of ['session', 'data', 'error', 'close']) stream.once(event, settle)
  if (!stream.destroyed) stream.end()
  return promise
}

/** What counts of a handshake in the end: an alert of the peer that followed it, else the handshake itself. */
export function seenInEnd(handshake: Handshake): Seen {
  if (!handshake.stream) return handshake
  const end = handshake.explainEnd()
  return end.facts.alert === undefined ? handshake : end
}
