import { createDeadline, type Deadline } from '../engine/deadline.ts'
import { isConnection, type Probe } from '../engine/probe.ts'
import { type Handshake, handshakeTls } from './handshake.ts'
import { tryVersions } from './versions.ts'

const noApplicationProtocol = 120 // RFC 7301 section 3.2

/** One TLS handshake, and one more for each version that the rule asks about. */
export const probeTls: Probe<'tls'> = async (endpoint, { trustedCa, offerVersions = [] }, io) => {
  const look = async (alpn?: string[]) => {
    const connection = await io.connect(endpoint)
    if (!isConnection(connection)) return connection
    const handshake = await handshakeTls(connection, endpoint, { trustedCa, alpn }, io.deadline)
    return clientVerdict(handshake, connection.connectMs, io.deadline)
  }
  const first = await look(['h2', 'http/1.1'])
  if (!('facts' in first)) return { ...first, facts: {} }
  // A server of something else than HTTP may insist on a name of its own; without any it has nothing to refuse.
  const second = first.facts.alert === noApplicationProtocol ? await look() : first
  const seen = 'facts' in second ? second : first
  const versions =
    offerVersions.length > 0 ? { versions: await tryVersions(endpoint, offerVersions, seen.facts, io) } : {}
  const { chainExpiresAt } = seen
  return {
    state: 'open',
    reason: seen.reason,
    facts: { ...seen.facts, ...versions },
    ...(chainExpiresAt !== undefined && { measurements: { chainExpiresAt } }),
  }
}

type Seen = Pick<Handshake, 'reason' | 'facts' | 'chainExpiresAt'>

const leastPatienceMs = 250

/**
 * A TLS 1.3 server says only after the handshake that it wants a client certificate (RFC 8446 section 4.4.2.4). The end
 * of our side draws its next word: an alert, or else a session ticket or its own end.
 */
function clientVerdict(handshake: Handshake, connectMs: number, deadline: Deadline): Promise<Seen> | Seen {
  const { stream, facts } = handshake
  if (!stream) return handshake
  const { promise, resolve } = Promise.withResolvers<Seen>()
  const settle = () => {
    cancelPatience()
    stream.destroy()
    const end = handshake.explainEnd()
    resolve(end.facts.alert === undefined ? handshake : end)
  }
  const patienceMs = Math.min(Math.max(leastPatienceMs, 5 * connectMs), deadline.remainingMs())
  const cancelPatience = createDeadline(patienceMs).onExpiry(settle)
  if (stream.destroyed || facts.protocol !== 'TLSv1.3') settle()
  for (const word of ['session', 'data', 'error', 'close']) stream.once(word, settle)
  if (!stream.destroyed) stream.end()
  return promise
}
