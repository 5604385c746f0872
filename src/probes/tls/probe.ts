import { createPatience, type Deadline } from '../engine/deadline.ts'
import { isConnection, type Probe } from '../engine/probe.ts'
import { type Handshake, handshakeTls } from './handshake.ts'
import { tryVersions } from './versions.ts'

const noApplicationProtocol = 120 // RFC 7301 section 3.2

/** One TLS handshake, plus one for each version that the rule names. */
export const probeTls: Probe<'tls'> = async (endpoint, { trustedCa, offerVersions = [] }, io) => {
  const shakeHands = async (alpn?: string[]) => {
    const connection = await io.connect(endpoint)
    if (!isConnection(connection)) return connection
    const handshake = await handshakeTls(connection, endpoint, { trustedCa, alpn }, io.deadline)
    return clientVerdict(handshake, connection.connectMs, io.deadline)
  }
  const first = await shakeHands(['h2', 'http/1.1'])
  if (!('facts' in first)) return { ...first, facts: {} }
  // A server of another protocol may reject these ALPN names; without ALPN it cannot.
  const second = first.facts.alert === noApplicationProtocol ? await shakeHands() : first
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

/**
 * A TLS 1.3 server demands a client certificate only after the handshake (RFC 8446 section 4.4.2.4). Closing our side
 * provokes its next message: an alert, a session ticket or the close.
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
  const cancelPatience = createPatience(connectMs, deadline).onExpiry(settle)
  if (stream.destroyed || facts.protocol !== 'TLSv1.3') settle()
  for (const event of ['session', 'data', 'error', 'close']) stream.once(event, settle)
  if (!stream.destroyed) stream.end()
  return promise
}
