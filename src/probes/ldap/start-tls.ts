import type { FactsByProbe } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Channel } from './channel.ts'
import { startTls } from './messages.ts'

const operationsError = 1

/**
 * OpenLDAP answers a search before it has struck it off its list, and refuses StartTLS while something is on the list
 * (RFC 4511 section 4.14.2). These are the pauses before it is asked again.
 */
const pausesMs = [5, 20, 100, 400]

/**
 * Asks for StartTLS (RFC 4511 section 4.14) and leaves the stream ready for the handshake; `failure` where it must not
 * begin. The answer has to be one response to our request and nothing else: bytes that somebody slips in before the
 * handshake would be taken for words of the verified server.
 */
export async function requestStartTls(
  channel: Channel,
  nextMessageId: () => number,
  deadline: Deadline,
): Promise<{ failure?: ReasonCode; startTls?: FactsByProbe['ldap']['startTls'] }> {
  let answer = await channel.ask(startTls(nextMessageId()))
  for (const pauseMs of pausesMs) {
    if ('failure' in answer || answer.value.code !== operationsError) break
    await pause(pauseMs, deadline)
    answer = await channel.ask(startTls(nextMessageId()))
  }
  if ('failure' in answer) {
    return { failure: answer.failure === 'protocol-violation' ? 'ldap-starttls-injection' : answer.failure }
  }
  const resultCode = answer.value.code
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
