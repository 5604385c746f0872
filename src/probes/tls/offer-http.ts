import { type Endpoint, isConnection, type Outcome, type ProbeIo } from '../engine/probe.ts'
import { type Handshake, handshakeTls } from './handshake.ts'

/** A handshake and the time of its connect. */
export interface Agreed {
  handshake: Handshake
  connectMs: number
}

const noApplicationProtocol = 120 // RFC 7301 section 3.2

/**
 * A TLS handshake that offers HTTP by ALPN. A second one follows without ALPN if the peer speaks another protocol, and with
 * every cipher and group if it accepts no combination of those that clients offer by default.
 */
export async function offerHttp(
  endpoint: Endpoint,
  { trustedCa, alpn = ['h2', 'http/1.1'] }: { trustedCa?: string; alpn?: string[] },
  io: ProbeIo,
): Promise<Agreed | Outcome> {
  const shakeHands = async (offer: { alpn?: string[]; everything?: boolean }): Promise<Agreed | Outcome> => {
    const connection = await io.connect(endpoint)
    if (!isConnection(connection)) return connection
    const handshake = await handshakeTls(connection, endpoint, { trustedCa, ...offer }, io.deadline)
    return { handshake, connectMs: connection.connectMs }
  }
  const first = await shakeHands({ alpn })
  if (!isAgreed(first)) return first
  if (first.handshake.facts.alert === noApplicationProtocol) return after(first, await shakeHands({}))
  if (first.handshake.reason !== 'tls-no-common-parameters') return first
  return after(first, await shakeHands({ alpn, everything: true }))
}

/** The second handshake; without a connection for it the first counts, unless what kept it away is silence or of this side. */
function after(first: Agreed, second: Agreed | Outcome): Agreed {
  if (isAgreed(second)) return second
  const isUndecided = second.state === 'unknown' || second.reason === 'protocol-timeout'
  return isUndecided ? { ...first, handshake: { ...first.handshake, reason: second.reason } } : first
}

export const isAgreed = (result: Agreed | Outcome): result is Agreed => 'handshake' in result
