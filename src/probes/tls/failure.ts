import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { TlsFacts } from '../../domain/protocols/tls.ts'
import { recognize, recognizeEnded } from './first-bytes.ts'
import type { Greeting } from './greeting.ts'
import { isClosed, type Tap } from './tap.ts'

export interface Failure {
  reason: ReasonCode
  facts: TlsFacts
}

const [handshakeFailure, decodeError, certificateRequired] = [40, 50, 116]

/** Alerts to a client without a certificate, RFC 8446 section 6; GnuTLS cannot decode an empty list. */
const afterRequest: ReadonlySet<number> = new Set([40, 41, 42, 43, 46, 48, 49, decodeError, certificateRequired])

/** After a TLS 1.3 handshake only a missing client certificate causes these. */
const afterHandshake: ReadonlySet<number> = new Set([41, 42, certificateRequired])

/** Why a handshake failed. */
export function explainFailure({ tap, clear, error, expired }: Greeting): Failure {
  if (tap.ended === 'too-large') return { reason: 'response-too-large', facts: {} }
  const spoke = recognizeEnded(tap.first)
  if (expired && recognize(tap.first) === undefined)
    return { reason: 'protocol-timeout', facts: spoke === 'nothing' ? { spoke } : {} }
  if (spoke === 'nothing') return { reason: reasonOfEnd(tap), facts: { spoke } }
  if (spoke !== 'tls') return { reason: 'protocol-mismatch', facts: { spoke } }
  const alert = clear.alert ?? alertOf(error)
  const facts = alert === undefined ? {} : { alert }
  if (expired) return { reason: 'protocol-timeout', facts }
  // Without the requested certificate some servers close and send no alert.
  const refused = alert === undefined ? isClosed(tap) : afterRequest.has(alert)
  if (clear.certificateRequested && refused) return clientCertificateRequired(facts)
  if (alert === undefined) return { reason: 'tls-handshake-failed', facts }
  // RFC 8446 section 4.1.1: instead of a ServerHello.
  return { reason: alert === handshakeFailure && !clear.version ? 'tls-no-common-parameters' : 'tls-alert', facts }
}

/** Why a stream ended after the handshake. */
export function explainEnd({ tap, closedOnClient, error: kept }: Greeting, given?: Error | null): Failure {
  const error = given ?? kept
  if (tap.ended === 'too-large') return { reason: 'response-too-large', facts: {} }
  const alert = alertOf(error)
  if (alert !== undefined && afterHandshake.has(alert)) return clientCertificateRequired({ alert })
  if (alert !== undefined) return { reason: 'tls-alert', facts: { alert } }
  if (isOfOpenSsl(error)) return { reason: 'protocol-violation', facts: {} }
  return closedOnClient ? clientCertificateRequired({}) : { reason: reasonOfEnd(tap), facts: {} }
}

/** Why a connection ended without the expected response. */
export function reasonOfEnd({ ended = 'closed' }: Tap): ReasonCode {
  return reasonsOfEnds[ended]
}

const reasonsOfEnds = {
  closed: 'connection-closed',
  reset: 'connection-reset',
  'timed-out': 'protocol-timeout',
  'too-large': 'response-too-large',
} as const satisfies Record<NonNullable<Tap['ended']>, ReasonCode>

const clientCertificateRequired = (facts: Failure['facts']): Failure => ({
  reason: 'tls-client-certificate-required',
  facts: { ...facts, clientCertificate: 'required' },
})

/** The number of the final alert; its name depends on the OpenSSL version. */
export function alertOf(error?: Error): number | undefined {
  const [, number] = /SSL alert number (\d+)/.exec(error?.message ?? '') ?? []
  return number === undefined ? undefined : Number(number)
}

const isOfOpenSsl = (error?: Error): boolean =>
  /^ERR_SSL_/.test((error as NodeJS.ErrnoException | undefined)?.code ?? '')
