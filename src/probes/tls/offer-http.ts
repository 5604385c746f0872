import { type Endpoint, isConnection, type Outcome, type ProbeIo } from '../engine/probe.ts'
import { type Handshake, handshakeTls } from './handshake.ts'

/** A handshake and the time of its connect. */
export interface Agreed {
  handshake: Handshake
  connectMs: number
}

const noApplicationProtocol = 120 // RFC 7301 section 3.2

/** A TLS handshake that offers HTTP by ALPN; another one without ALPN if the peer speaks another protocol. */
export async function offerHttp(
  endpoint: Endpoint,
  { trustedCa, alpn = ['h2', 'http/1.1'] }: { trustedCa?: string; alpn?: string[] },
  io: ProbeIo,
): Promise<Agreed | Outcome> {
  const shakeHands = async (names?: string[]): Promise<Agreed | Outcome> => {
    const connection = await io.connect(endpoint)
    if (!isConnection(connection)) return connection
    const handshake = await handshakeTls(connection, endpoint, { trustedCa, alpn: names }, io.deadline)
    return { handshake, connectMs: connection.connectMs }
  }
  const first = await shakeHands(alpn)
  if (!isAgreed(first) || first.handshake.facts.alert !== noApplicationProtocol) return first
  const second = await shakeHands()
  return isAgreed(second) ? second : first
}

export const isAgreed = (result: Agreed | Outcome): result is Agreed => 'handshake' in result
