import { isIPv6, type Socket } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { SmtpFacts } from '../../domain/protocols/smtp.ts'
import { escapeControls } from '../../encoding/text.ts'
import { createPatience, type Deadline } from '../engine/deadline.ts'
import type { Connection } from '../engine/probe.ts'
import { openWire, type Wire } from '../network/wire.ts'
import { recognizeEnded } from '../tls/first-bytes.ts'
import { isReply, type NoReply, type Reply, readReply, request } from './reply.ts'
import { softwareOf } from './software.ts'

type SessionFacts = NonNullable<SmtpFacts['smtp']>

/** How far a session in clear came; without a reason TLS may begin on its connection. */
export interface Session {
  reason?: ReasonCode
  facts: Pick<SmtpFacts, 'smtp' | 'spoke'>
}

const maxBytes = 64 * 1024
const [maxExtensions, maxExtensionBytes] = [50, 120]
const [ready, completed, notLoggedIn] = [220, 250, 530]
/** After these replies to EHLO, HELO is the next try: RFC 5321 section 3.2. */
const unknownCommand: ReadonlySet<number> = new Set([500, 501, 502, 504])
/** With these FTP refuses an unknown command or one before the login (RFC 959 section 5.4); its greeting is 220 too. */
const foreignCommand: ReadonlySet<number> = new Set([500, 502, notLoggedIn])

/** Greets, reads the extensions and requests TLS. A session that ends before TLS ends with QUIT. */
export async function openSession({ socket, connectMs }: Connection, deadline: Deadline): Promise<Session> {
  const wire = openWire(socket, deadline, maxBytes)
  const session = await converse(wire, addressLiteral(socket))
  if (session.reason === undefined) {
    // RFC 3207 section 6: bytes in clear after the reply would pass for those of the verified server.
    if (!wire.release()) return session
    await wire.close()
    return { ...session, reason: 'smtp-starttls-injection' }
  }
  if (session.facts.smtp) await quit(wire, createPatience(connectMs, deadline))
  await wire.close()
  return session
}

async function converse(wire: Wire, name: string): Promise<Session> {
  const greeting = await readReply(wire)
  if (!isReply(greeting)) return explainGreeting(greeting)
  if (isRefusal(greeting)) return refused(greeting, {})
  if (greeting.code !== ready) return foreign('other')
  const smtp: SessionFacts = { greeting: softwareOf(greeting.lines) }
  const hello = await sayHello(wire, name)
  if (!isReply(hello)) return { reason: reasonOf(hello), facts: { smtp } }
  if (foreignCommand.has(hello.code)) return foreign('other')
  if (isRefusal(hello)) return refused(hello, smtp)
  if (hello.code !== completed) return { reason: 'protocol-violation', facts: { smtp } }
  smtp.extensions = hello.lines
    .slice(1, maxExtensions + 1)
    .map((line) => escapeControls(Buffer.from(line.trim(), 'latin1'), maxExtensionBytes))
  return requestStartTls(wire, smtp)
}

/** The reply to EHLO; where only HELO is known, its reply without extensions. */
async function sayHello(wire: Wire, name: string): Promise<Reply | NoReply> {
  const reply = await request(wire, `EHLO ${name}`)
  if (!isReply(reply) || !unknownCommand.has(reply.code)) return reply
  const older = await request(wire, `HELO ${name}`)
  return isReply(older) ? { code: older.code, lines: older.lines.slice(0, 1) } : older
}

async function requestStartTls(wire: Wire, smtp: SessionFacts): Promise<Session> {
  const offered = smtp.extensions?.some((line) => /^starttls\b/i.test(line)) ?? false
  smtp.startTls = { offered }
  if (!offered) return { reason: 'smtp-starttls-not-offered', facts: { smtp } }
  const reply = await request(wire, 'STARTTLS')
  if (!isReply(reply)) return { reason: reasonOf(reply), facts: { smtp } }
  smtp.startTls.replyCode = reply.code
  return reply.code === ready ? { facts: { smtp } } : { reason: 'smtp-starttls-refused', facts: { smtp } }
}

/** RFC 5321 section 4.2.1: lower refusals are transient. */
const firstPermanent = 500
const isRefusal = ({ code }: Reply) => code >= 400

const refused = ({ code }: Reply, smtp: SessionFacts): Session => ({
  reason: code < firstPermanent ? 'smtp-refused-for-now' : 'smtp-refused',
  facts: { smtp: { ...smtp, refusedWith: code } },
})

const foreign = (spoke: SmtpFacts['spoke']): Session => ({ reason: 'protocol-mismatch', facts: { spoke } })

const reasonOf = ({ failure }: NoReply): ReasonCode => (failure === 'not-a-reply' ? 'protocol-violation' : failure)

function explainGreeting(noGreeting: NoReply): Session {
  const { failure, started, text } = noGreeting
  const isLocal = failure === 'local-resources' || failure === 'local-failure'
  if (!started && !isLocal && text.length > 0) return foreign(recognise(text))
  const silent = failure === 'protocol-timeout' && !started
  return { reason: reasonOf(noGreeting), facts: silent ? { spoke: 'nothing' } : {} }
}

function recognise(text: Buffer): SmtpFacts['spoke'] {
  const spoke = recognizeEnded(Buffer.concat([text, Buffer.from('\n')]))
  return spoke === 'http' || spoke === 'ssh' ? spoke : 'other'
}

/** The name of this side that needs no configuration: RFC 5321 section 4.1.3. */
function addressLiteral({ localAddress = '127.0.0.1' }: Socket): string {
  return isIPv6(localAddress) ? `[IPv6:${localAddress}]` : `[${localAddress}]`
}

/** RFC 5321 section 4.1.1.10: a client waits for the reply, but a peer that owes it must not hold up the probe. */
async function quit(wire: Wire, patience: Deadline): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancelExpiry = patience.onExpiry(resolve)
  await Promise.race([request(wire, 'QUIT'), promise])
  cancelExpiry()
}
