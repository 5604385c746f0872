import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { LdapFacts } from '../../domain/protocols/ldap.ts'
import type { Endpoint, ProbeIo } from '../engine/probe.ts'
import type { Channel, Reply } from './channel.ts'
import { type Result, simpleBind } from './messages.ts'
import { bindReason, describeResult } from './result.ts'
import type { VerifiedChannel } from './security.ts'

type Facts = LdapFacts

interface Attempt {
  messageId: number
  ref: string
  endpoint: Endpoint
  namingContext: string | undefined
}

/** Binds once. Resolves the credential only now, and never stores it. */
export async function bindWithCredential(
  channel: VerifiedChannel,
  { messageId, ref, endpoint, namingContext }: Attempt,
  io: ProbeIo,
): Promise<{ reason: ReasonCode; facts: Pick<Facts, 'bind' | 'bindWithheld'> }> {
  const credential = await io.credential(ref, endpoint, namingContext)
  if ('refused' in credential) {
    const { refused, withheld } = credential
    return { reason: refused, facts: withheld ? { bindWithheld: withheld } : {} }
  }
  const { user, password } = credential
  // RFC 4513 section 5.1.2: empty means anonymous.
  if (user === '' || password === '') return { reason: 'credential-unavailable', facts: {} }
  const reply = await channel.request(simpleBind(messageId, user, password))
  if ('failure' in reply) return { reason: reply.failure, facts: {} }
  const result = describeResult(reply.value)
  return { reason: bindReason(result), facts: { bind: { as: 'credential', ...result } } }
}

/**
 * Tests whether the directory accepts passwords in clear, with a user that does not exist, so that no account is locked.
 * Directories log a failed logon.
 */
export async function bindAsUnknownUser(
  channel: Channel,
  { messageId, namingContext }: { messageId: number; namingContext: string | undefined },
): Promise<Reply<NonNullable<Facts['plainBind']>>> {
  // OpenLDAP requires protection per database, so the DN must lie in one. `invalid` is reserved (RFC 6761).
  const dn = `CN=portwarden-no-such-user,${namingContext || 'DC=invalid'}`
  const reply = await channel.request(simpleBind(messageId, dn, 'no-secret'))
  if ('failure' in reply) return reply
  const { resultCode, resultName } = describeResult(reply.value)
  return { value: { resultCode, resultName, ...(!namingContext && { inventedBase: true as const }) } }
}

/** The refusal of a request in clear, where it shows that a bind is refused, too: the directory demands encryption of everything. */
export function refusedInClear(refused: Result): Facts['plainBind'] {
  const { resultCode, resultName } = describeResult(refused)
  return bindReason({ resultCode, resultName }) === 'ldap-confidentiality-required'
    ? { resultCode, resultName }
    : undefined
}

/** The reason without a bind: the directory's demand for protection, if any. */
export function respondedReason(plainBind: Facts['plainBind']): ReasonCode {
  const reason = plainBind && bindReason(plainBind)
  const demandsProtection = reason === 'ldap-stronger-auth-required' || reason === 'ldap-confidentiality-required'
  return demandsProtection ? reason : 'ldap-responded'
}
