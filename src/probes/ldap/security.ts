import type { FactsByProbe } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Connection, Endpoint, ProbeIo, ProbeOptions } from '../engine/probe.ts'
import { handshakeTls } from '../tls/handshake.ts'
import { type Channel, explainSocketLoss, openChannel } from './channel.ts'
import type { Budget } from './inbox.ts'

type Facts = FactsByProbe['ldap']

/** Which protection to look for, and whether the look ends without it. */
interface SecurityPlan {
  channel: NonNullable<Facts['security']>
  required: boolean
}

const ldapsPorts: readonly number[] = [636, 3269]

/**
 * What the rule asks for decides; where it leaves that open, the port does. A credential never goes over plain LDAP,
 * so it asks for protection whatever the rule allows.
 */
export function planSecurity(port: number, { security: allowed, credentialRef }: ProbeOptions['ldap']): SecurityPlan {
  const required = credentialRef !== undefined || (allowed !== undefined && !allowed.includes('plain'))
  if (ldapsPorts.includes(port)) return { channel: 'ldaps', required }
  if (allowed?.includes('starttls')) return { channel: 'starttls', required }
  if (allowed?.includes('ldaps') && required) return { channel: 'ldaps', required }
  return { channel: required ? 'starttls' : 'plain', required }
}

declare const verified: unique symbol
/** A channel over which a credential may go: only `secureChannel` makes one. */
export type VerifiedChannel = Channel & { readonly [verified]: true }

/** A connection on which TLS can begin, and what the handshake needs to know. */
interface Unsecured {
  connection: Connection
  endpoint: Endpoint
  options: Pick<ProbeOptions['ldap'], 'trustedCa'>
  io: Pick<ProbeIo, 'deadline'>
  budget: Budget
}

/** What came of making a connection secure. */
interface Secured {
  /** `tls-ok`, or why there is no channel. */
  reason: ReasonCode
  facts: FactsByProbe['tls']
  channel?: Channel
  /** The same channel, when the certificate is trusted, names the host, is valid now, and the session is strong. */
  verified?: VerifiedChannel
  destroy: () => void
}

// TLS adds to what LDAP counts: the handshake, and a few bytes to each record.
const recordsMargin = 128 * 1024

/** Begins TLS on a connection from which every byte so far was taken, and opens a new channel inside. */
export async function secureChannel({ connection, endpoint, options, io, budget }: Unsecured): Promise<Secured> {
  const { deadline } = io
  const request = { trustedCa: options.trustedCa, maxBytes: budget.bytesLeft + recordsMargin }
  const { stream, reason, facts, explainEnd } = await handshakeTls(connection, endpoint, request, deadline)
  const destroy = () => void stream?.destroy()
  if (!stream) return { reason, facts, destroy }
  const explainLoss = (error?: NodeJS.ErrnoException | null) => {
    const end = explainEnd()
    Object.assign(facts, end.facts)
    // It tells by how the connection below ended, which may not have come to its ears yet.
    return error?.code === 'EPIPE' || end.reason === 'protocol-timeout' ? explainSocketLoss(error) : end.reason
  }
  const channel = openChannel(stream, { deadline, budget, explainLoss })
  return {
    reason,
    facts,
    channel,
    verified: isVerified(facts, Date.now()) ? (channel as VerifiedChannel) : undefined,
    destroy,
  }
}

/** The handshake takes whatever a server has, to look at it; a credential wants more. */
function isVerified({ trusted, nameMatches, certificate, ...session }: FactsByProbe['tls'], now: number): boolean {
  if (!trusted || !nameMatches || !certificate) return false
  const validNow = Date.parse(certificate.notBefore) <= now && now < Date.parse(certificate.notAfter)
  return validNow && isStrong(session, certificate.publicKey)
}

type PublicKey = NonNullable<FactsByProbe['tls']['certificate']>['publicKey']

// What OpenSSL's security level 2 demands, the default of TLS clients today.
function isStrong({ protocol, keyExchange }: FactsByProbe['tls'], { type, bits = 0 }: PublicKey): boolean {
  const current = protocol === 'TLSv1.2' || protocol === 'TLSv1.3'
  const [, diffieHellmanBits = 2048] = /^DH (\d+)$/.exec(keyExchange ?? '') ?? []
  return current && (!type.startsWith('rsa') || bits >= 2048) && Number(diffieHellmanBits) >= 2048
}
