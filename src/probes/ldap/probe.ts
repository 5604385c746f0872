import type { FactsByProbe } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Connection, Endpoint, Probe, ProbeIo, ProbeOptions, ProbeResult } from '../engine/probe.ts'
import { isConnection } from '../engine/probe.ts'
import { bindAsNobody, bindWithCredential, respondedReason } from './bind.ts'
import { type Channel, explainSocketLoss, openChannel } from './channel.ts'
import { type Budget, mostBytes } from './inbox.ts'
import { unbind } from './messages.ts'
import { readRootDse } from './root-dse.ts'
import { planSecurity, secureChannel, type VerifiedChannel } from './security.ts'
import { requestStartTls } from './start-tls.ts'

/** Where a look stands, and what it saw on the way. One connection from the first step to the last. */
interface Climb {
  endpoint: Endpoint
  options: ProbeOptions['ldap']
  io: ProbeIo
  connection: Connection
  budget: Budget
  /** A new one for each request, so that no response to an earlier one can pass for the answer to a later. */
  nextMessageId: () => number
  /** The channel in use; none while TLS begins, and none after that failed. */
  channel?: Channel
  verified?: VerifiedChannel
  destroyTls?: () => void
  namingContext?: string
  facts: FactsByProbe['ldap']
  measurements?: ProbeResult<'ldap'>['measurements']
}

/**
 * Climbs as far as the rule asks: an LDAP answer, what the rootDSE tells anybody, protection by StartTLS or LDAPS, one
 * bind over a verified channel, unbind. Never throws for what the peer does, never connects again.
 */
export const probeLdap: Probe<'ldap'> = async (endpoint, wanted, io) => {
  // Whoever asks for a look must not vouch for the one who gets a credential, where the vantage says who does.
  const vouched = wanted.credentialRef !== undefined && io.credentialCa !== undefined
  const options = vouched ? { ...wanted, trustedCa: io.credentialCa } : wanted
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  connection.socket.setNoDelay() // small requests that each wait for an answer
  let messageId = 0
  const nextMessageId = () => ++messageId
  const budget = { bytesLeft: mostBytes }
  const climb: Climb = { endpoint, options, io, connection, budget, nextMessageId, facts: {} }
  try {
    const reason = await climbLadder(climb)
    await climb.channel?.end(unbind(nextMessageId()))
    return { state: 'open', reason, facts: climb.facts, measurements: climb.measurements }
  } finally {
    climb.destroyTls?.()
    connection.socket.destroy()
  }
}

async function climbLadder(climb: Climb): Promise<ReasonCode> {
  const { endpoint, options, facts } = climb
  const plan = planSecurity(endpoint.port, options)
  const first = plan.channel === 'ldaps' ? await beginTls(climb) : openPlain(climb)
  if (typeof first === 'string') return first
  const failure = await readDirectory(climb, first, plan.channel === 'ldaps' ? 'ldaps' : 'plain')
  if (failure) return failure
  if (options.plainBind && facts.security === 'plain') {
    const lost = await tryPlainBind(climb, first)
    if (lost) return lost
  }
  const answered = respondedReason(facts.plainBind)
  if (plan.channel === 'starttls') {
    const refused = await upgrade(climb, first)
    if (refused) return plan.required || refused === 'ldap-starttls-injection' ? refused : answered
  }
  if (plan.required && !climb.verified) return 'ldap-channel-unverified'
  return climb.verified && options.credentialRef ? bind(climb, climb.verified, options.credentialRef) : answered
}

function openPlain(climb: Climb): Channel {
  const { connection, io, budget } = climb
  const options = { deadline: io.deadline, budget, explainLoss: explainSocketLoss }
  climb.channel = openChannel(connection.socket, options)
  return climb.channel
}

async function beginTls(climb: Climb): Promise<Channel | ReasonCode> {
  climb.channel = undefined
  const secured = await secureChannel(climb)
  climb.destroyTls = secured.destroy
  climb.facts.tls = secured.facts
  climb.channel = secured.channel
  climb.verified = secured.verified
  return secured.channel ?? secured.reason
}

/** A step answers why the look ends there; undefined: it goes on. */
type Step = Promise<ReasonCode | undefined>

async function readDirectory(climb: Climb, channel: Channel, security: NonNullable<Climb['facts']['security']>): Step {
  const answer = await readRootDse(channel, climb.nextMessageId())
  if ('failure' in answer) {
    if (answer.spoke) climb.facts.spoke = answer.spoke
    return answer.failure
  }
  const { activeDirectory, rootDse, clockSkewMs, namingContext } = answer.value
  Object.assign(climb.facts, { security, rootDse })
  if (activeDirectory === undefined) delete climb.facts.activeDirectory
  else climb.facts.activeDirectory = activeDirectory
  climb.namingContext = namingContext
  if (clockSkewMs !== undefined) climb.measurements = { clockSkewMs }
  return undefined
}

async function tryPlainBind(climb: Climb, channel: Channel): Step {
  const { namingContext } = climb
  const answer = await bindAsNobody(channel, { messageId: climb.nextMessageId(), namingContext })
  if ('failure' in answer) return answer.failure
  climb.facts.plainBind = answer.value
  return undefined
}

async function upgrade(climb: Climb, plain: Channel): Step {
  const { failure, startTls } = await requestStartTls(plain, climb.nextMessageId, climb.io.deadline)
  if (startTls) climb.facts.startTls = startTls
  if (failure) return failure
  const secure = await beginTls(climb)
  // A server waits for our first word of TLS, so words of its own that are not TLS were slipped in.
  if (secure === 'protocol-mismatch') return 'ldap-starttls-injection'
  if (typeof secure === 'string') return secure
  // RFC 4513 section 3.1.5: what was learned in clear is to be learned anew.
  return readDirectory(climb, secure, 'starttls')
}

async function bind(climb: Climb, channel: VerifiedChannel, ref: string): Promise<ReasonCode> {
  const attempt = { messageId: climb.nextMessageId(), ref, endpoint: climb.endpoint }
  const { reason, bind: facts } = await bindWithCredential(channel, attempt, climb.io)
  if (facts) climb.facts.bind = facts
  return reason
}
