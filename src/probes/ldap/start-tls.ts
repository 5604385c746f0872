import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { LdapFacts } from '../../domain/protocols/ldap.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Channel } from './channel.ts'
import { startTls } from './messages.ts'

const operationsError = 1

/** OpenLDAP refuses StartTLS for a while after a search (RFC 4511 section 4.14.2). */
const pausesMs = [5, 20, 100, 400]

/**
 * Requests StartTLS (RFC 4511 section 4.14); `failure` if the handshake must not begin. Bytes after the one response
 * are injection: they would count as data of the verified server.
 */
export async function requestStartTls(
  channel: Channel,
  nextMessageId: () => number,
  deadline: Deadline,
): Promise<{ failure?: ReasonCode; startTls?: LdapFacts['startTls'] }> {
  let reply = await channel.request(startTls(nextMessageId()))
  for (const pauseMs of pausesMs) {
    if ('failure' in reply || reply.value.code !== operationsError) break
    await pause(pauseMs, deadline)
    reply = await channel.request(startTls(nextMessageId()))
  }
  if ('failure' in reply) {
    return { failure: reply.failure === 'protocol-violation' ? 'ldap-starttls-injection' : reply.failure }
  }
  const resultCode = reply.value.code
  if (resultCode !== 0) return { failure: 'ldap-starttls-refused', startTls: { offered: false, resultCode } }
  const injected = channel.release()
  return { failure: injected ? 'ldap-starttls-injection' : undefined, startTls: { offered: true, resultCode } }
}

function pause(ms: number, deadline: Deadline): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const cancelExpiry = deadline.onExpiry(resolve)
  return promise.finally(() => {
    clearTimeout(timer)
    cancelExpiry()
  })
}
