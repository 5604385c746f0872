import type { TlsFacts } from '../../domain/protocols/tls.ts'
import { createPatience } from '../engine/deadline.ts'
import type { Probe, ProbeResult } from '../engine/probe.ts'
import { endSession } from './end-session.ts'
import type { Handshake } from './handshake.ts'
import { isAgreed, offerHttp } from './offer-http.ts'
import { tryVersions } from './versions.ts'

/** One TLS handshake, plus one for each version that the rule names. */
export const probeTls: Probe<'tls'> = async (endpoint, { trustedCa, offerVersions = [] }, io) => {
  const agreed = await offerHttp(endpoint, { trustedCa }, io)
  if (!isAgreed(agreed)) return { ...agreed, facts: {} }
  const { handshake, connectMs } = agreed
  if (handshake.stream) await endSession(handshake.stream, createPatience(connectMs, io.deadline))
  const versions =
    offerVersions.length > 0 ? { versions: await tryVersions(endpoint, offerVersions, handshake.facts, io) } : {}
  return resultOf(handshake, versions)
}

/** The result of a `tls` check, from its handshake or that of another probe. */
export const resultOf = (
  { reason, facts, measurements }: Pick<Handshake, 'reason' | 'facts' | 'measurements'>,
  versions: Pick<TlsFacts, 'versions'>,
): ProbeResult<'tls'> => ({
  state: 'open',
  reason,
  facts: { ...facts, ...versions },
  ...(measurements && { measurements }),
})
