import type { FactsByProbe } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Endpoint, ProbeIo } from '../engine/probe.ts'
import type { Answer, Channel } from './channel.ts'
import type { Credential } from './credentials.ts'
import { simpleBind } from './messages.ts'
import { bindReason, describeResult } from './result.ts'
import type { VerifiedChannel } from './security.ts'

type Facts = FactsByProbe['ldap']

/**
 * Binds once with the credential behind a reference. The credential is resolved only now, when there is a channel that it
 * may be sent over, and is kept nowhere.
 */
export async function bindWithCredential(
  channel: VerifiedChannel,
  { messageId, ref, endpoint }: { messageId: number; ref: string; endpoint: Endpoint },
  io: ProbeIo,
): Promise<{ reason: ReasonCode; bind?: Facts['bind'] }> {
  const credential = await resolveInTime(ref, endpoint, io)
  if (typeof credential === 'string') return { reason: credential }
  const { user, password } = credential
  // RFC 4513 section 5.1.2: servers may take an empty password as an anonymous bind and accept it.
  if (user === '' || password === '') return { reason: 'credential-unavailable' }
  const answer = await channel.ask(simpleBind(messageId, user, password))
  if ('failure' in answer) return { reason: answer.failure }
  const result = describeResult(answer.value)
  return { reason: bindReason(result), bind: { as: 'credential', ...result } }
}

function resolveInTime(ref: string, endpoint: Endpoint, io: ProbeIo): Promise<Credential | ReasonCode> {
  const { promise, resolve } = Promise.withResolvers<Credential | ReasonCode>()
  const cancelExpiry = io.deadline.onExpiry(() => resolve('credential-unavailable'))
  io.credential(ref, endpoint).then(resolve, () => resolve('credential-unavailable'))
  return promise.finally(cancelExpiry)
}

/**
 * Tries a simple bind in clear as a user that does not exist, with a password that is none: what a directory answers shows
 * whether it takes passwords in clear, and no account can be locked by it. Directories log it as a failed logon.
 */
export async function bindAsNobody(
  channel: Channel,
  { messageId, namingContext }: { messageId: number; namingContext: string | undefined },
): Promise<Answer<Facts['plainBind']>> {
  // OpenLDAP decides about protection by database, so the name must lie in one. The domain `invalid` is nobody's (RFC 6761).
  const answer = await channel.ask(
    simpleBind(messageId, `CN=portwarden-nobody,${namingContext || 'DC=invalid'}`, 'no-secret'),
  )
  if ('failure' in answer) return answer
  const { resultCode, resultName } = describeResult(answer.value)
  return { value: { resultCode, resultName } }
}

/** The reason of a look at a directory that answered and was not asked for more: whether it said that it wants protection. */
export function respondedReason(plainBind: Facts['plainBind']): ReasonCode {
  const reason = plainBind && bindReason(plainBind)
  const wantsProtection = reason === 'ldap-stronger-auth-required' || reason === 'ldap-confidentiality-required'
  return wantsProtection ? reason : 'ldap-responded'
}
