import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { LdapFacts } from '../../domain/protocols/ldap.ts'
import type { Endpoint, ProbeIo } from '../engine/probe.ts'
import type { Channel, Reply } from './channel.ts'
import type { Credential } from './credentials.ts'
import { simpleBind } from './messages.ts'
import { bindReason, describeResult } from './result.ts'
import type { VerifiedChannel } from './security.ts'

type Facts = LdapFacts

/** Binds once. Resolves the credential only now, and never stores it. */
export async function bindWithCredential(
  channel: VerifiedChannel,
  { messageId, ref, endpoint }: { messageId: number; ref: string; endpoint: Endpoint },
  io: ProbeIo,
): Promise<{ reason: ReasonCode; bind?: Facts['bind'] }> {
  const credential = await resolveInTime(ref, endpoint, io)
  if (typeof credential === 'string') return { reason: credential }
  const { user, password } = credential
  // RFC 4513 section 5.1.2: empty means anonymous.
  if (user === '' || password === '') return { reason: 'credential-unavailable' }
  const reply = await channel.request(simpleBind(messageId, user, password))
  if ('failure' in reply) return { reason: reply.failure }
  const result = describeResult(reply.value)
  return { reason: bindReason(result), bind: { as: 'credential', ...result } }
}

function resolveInTime(ref: string, endpoint: Endpoint, io: ProbeIo): Promise<Credential | ReasonCode> {
  const { promise, resolve } = Promise.withResolvers<Credential | ReasonCode>()
  const cancelExpiry = io.deadline.onExpiry(() => resolve('credential-unavailable'))
  io.credential(ref, endpoint).then(resolve, () => resolve('credential-unavailable'))
  return promise.finally(cancelExpiry)
}

/**
 * Tests whether the directory accepts passwords in clear, with a user that does not exist, so that no account is locked.
 * Directories log a failed logon.
 */
export async function bindAsUnknownUser(
  channel: Channel,
  { messageId, namingContext }: { messageId: number; namingContext: string | undefined },
): Promise<Reply<Facts['plainBind']>> {
  // OpenLDAP requires protection per database, so the DN must lie in one. `invalid` is reserved (RFC 6761).
  const dn = `CN=portwarden-no-such-user,${namingContext || 'DC=invalid'}`
  const reply = await channel.request(simpleBind(messageId, dn, 'no-secret'))
  if ('failure' in reply) return reply
  const { resultCode, resultName } = describeResult(reply.value)
  return { value: { resultCode, resultName } }
}

/** The reason without a bind: the directory's demand for protection, if any. */
export function respondedReason(plainBind: Facts['plainBind']): ReasonCode {
  const reason = plainBind && bindReason(plainBind)
  const demandsProtection = reason === 'ldap-stronger-auth-required' || reason === 'ldap-confidentiality-required'
  return demandsProtection ? reason : 'ldap-responded'
}
