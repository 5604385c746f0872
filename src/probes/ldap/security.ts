import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { isVerified } from '../../domain/protocols/certificate.ts'
import type { OptionsByProtocol } from '../../domain/protocols/index.ts'
import type { LdapFacts } from '../../domain/protocols/ldap.ts'
import type { TlsFacts } from '../../domain/protocols/tls.ts'
import type { Connection, Endpoint, ProbeIo } from '../engine/probe.ts'
import { handshakeTls } from '../tls/handshake.ts'
import { type Channel, explainSocketLoss, openChannel } from './channel.ts'
import type { Budget } from './inbox.ts'

type Facts = LdapFacts

/** Which protection to attempt, and whether it is required. */
export interface SecurityPlan {
  channel: NonNullable<Facts['security']>
  required: boolean
}

const ldapsPorts: readonly number[] = [636, 3269]

/** By the rule, else by the port. A credential always requires protection. */
export function planSecurity(
  port: number,
  { security: allowed, credentialRef }: OptionsByProtocol['ldap'],
): SecurityPlan {
  const required = credentialRef !== undefined || (allowed !== undefined && !allowed.includes('plain'))
  if (ldapsPorts.includes(port)) return { channel: 'ldaps', required }
  if (allowed?.includes('starttls')) return { channel: 'starttls', required }
  if (allowed?.includes('ldaps') && required) return { channel: 'ldaps', required }
  return { channel: required ? 'starttls' : 'plain', required }
}

declare const verified: unique symbol
/** May carry a credential; only `secureChannel` makes one. */
export type VerifiedChannel = Channel & { readonly [verified]: true }

/** A connection before its TLS handshake. */
interface Unsecured {
  connection: Connection
  endpoint: Endpoint
  options: Pick<OptionsByProtocol['ldap'], 'trustedCa'>
  io: Pick<ProbeIo, 'deadline'>
  budget: Budget
}

/** The result of securing a connection. */
interface Secured {
  /** `tls-ok`, or why there is no channel. */
  reason: ReasonCode
  facts: TlsFacts
  channel?: Channel
  /** The same channel, if it may carry a credential. */
  verified?: VerifiedChannel
  destroy: () => void
}

// The handshake, and a few bytes for each record.
const recordsMargin = 128 * 1024

/** Begins TLS on a connection without unread bytes. */
export async function secureChannel({ connection, endpoint, options, io, budget }: Unsecured): Promise<Secured> {
  const { deadline } = io
  const request = { trustedCa: options.trustedCa, maxBytes: budget.bytesLeft + recordsMargin }
  const { stream, reason, facts, explainEnd } = await handshakeTls(connection, endpoint, request, deadline)
  const destroy = () => void stream?.destroy()
  if (!stream) return { reason, facts, destroy }
  const explainLoss = (error?: NodeJS.ErrnoException | null) => {
    const end = explainEnd()
    Object.assign(facts, end.facts)
    if (end.facts.clientCertificate) return end.reason
    // The TLS layer may not have seen the end of the socket yet, so the error decides.
    return error?.code === 'EPIPE' || end.reason === 'protocol-timeout' ? explainSocketLoss(error) : end.reason
  }
  const channel = openChannel(stream, { deadline, budget, explainLoss })
  return {
    reason,
    facts,
    channel,
    verified: isSafe(facts, Date.now()) ? (channel as VerifiedChannel) : undefined,
    destroy,
  }
}

/** The handshake accepts any certificate, a credential does not. */
const isSafe = ({ certificate, ...session }: TlsFacts, observedAt: number): boolean =>
  certificate !== undefined &&
  isVerified({ facts: { certificate, ...session }, observedAt }) &&
  // RFC 7633: without the response a revocation stays hidden.
  (!certificate.mustStaple || session.ocsp?.status === 'good') &&
  isStrong(session, certificate.publicKey)

type PublicKey = NonNullable<TlsFacts['certificate']>['publicKey']

// OpenSSL security level 2, the default of TLS clients today.
function isStrong({ protocol, keyExchange }: TlsFacts, { type, bits = 0 }: PublicKey): boolean {
  const current = protocol === 'TLSv1.2' || protocol === 'TLSv1.3'
  const [, diffieHellmanBits = 2048] = /^DH (\d+)$/.exec(keyExchange ?? '') ?? []
  return current && (!type.startsWith('rsa') || bits >= 2048) && Number(diffieHellmanBits) >= 2048
}
