import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { TlsFacts } from '../../domain/protocols/tls.ts'
import { createPatience, type Deadline } from '../engine/deadline.ts'
import {
  type Connection,
  type Endpoint,
  isConnection,
  type Outcome,
  type Probe,
  type ProbeIo,
} from '../engine/probe.ts'
import { endSession } from '../tls/end-session.ts'
import { handshakeTls } from '../tls/handshake.ts'
import { tryVersions } from '../tls/versions.ts'
import { openSession } from './session.ts'

/** SMTP up to STARTTLS, one TLS handshake, QUIT; one more connection for each TLS version of the rule. Sends no mail. */
export const probeSmtp: Probe<'smtp'> = async (endpoint, { trustedCa, offerVersions = [] }, io) => {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  const { reason, facts } = await openSession(connection, io.deadline)
  if (reason !== undefined) return { state: 'open', reason, facts }
  const handshake = await handshakeTls(connection, endpoint, { trustedCa }, io.deadline)
  const { stream } = handshake
  if (stream) await endSession(stream, createPatience(connection.connectMs, io.deadline), 'QUIT\r\n')
  // The peer speaks SMTP, so `spoke` would mislead.
  const { spoke: _, ...tls } = handshake.facts
  const versions = offerVersions.length > 0 ? { versions: await reoffer(endpoint, offerVersions, tls, io) } : {}
  return {
    state: 'open',
    reason: reasonsAfterStartTls[handshake.reason] ?? handshake.reason,
    facts: { ...tls, ...versions, ...facts },
    ...(handshake.measurements && { measurements: handshake.measurements }),
  }
}

const reasonsAfterStartTls: Partial<Record<ReasonCode, ReasonCode>> = {
  'tls-ok': 'smtp-starttls-ok',
  // A server waits for the client's first TLS record, so plaintext was slipped in.
  'protocol-mismatch': 'smtp-starttls-injection',
}

function reoffer(endpoint: Endpoint, versions: readonly string[], seen: TlsFacts, io: ProbeIo) {
  return tryVersions(endpoint, versions, seen, { deadline: io.deadline, connect })

  async function connect(to: Endpoint, deadline: Deadline): Promise<Connection | Outcome> {
    const connection = await io.connect(to)
    if (!isConnection(connection)) return connection
    const { reason } = await openSession(connection, deadline)
    return reason === undefined ? connection : { state: 'open', reason }
  }
}
