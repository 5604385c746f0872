import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { OptionsByProtocol } from '../../domain/protocols/index.ts'
import { type LdapFacts, outcomeOfPlainBind } from '../../domain/protocols/ldap.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Connection, Endpoint, Probe, ProbeIo, ProbeResult } from '../engine/probe.ts'
import { isConnection } from '../engine/probe.ts'
import { bindAsUnknownUser, bindWithCredential, refusedInClear, respondedReason } from './bind.ts'
import { type Channel, type ChannelFailure, explainSocketLoss, openChannel } from './channel.ts'
import { type Budget, maxBytes } from './inbox.ts'
import { unbind } from './messages.ts'
import { readRootDse } from './root-dse.ts'
import { planSecurity, type SecurityPlan, secureChannel, type VerifiedChannel } from './security.ts'
import { requestStartTls } from './start-tls.ts'

/** The state of one probe over one connection. */
interface Session {
  endpoint: Endpoint
  options: OptionsByProtocol['ldap']
  io: ProbeIo
  connection: Connection
  budget: Budget
  /** Unique, so that a late response matches no later request. */
  nextMessageId: () => number
  /** Absent during the TLS handshake and after its failure. */
  channel?: Channel
  verified?: VerifiedChannel
  destroyTls?: () => void
  namingContexts: string[]
  facts: LdapFacts
  measurements?: ProbeResult<'ldap'>['measurements']
}

/**
 * Probes as far as the rule requires, on one connection: rootDSE, StartTLS or LDAPS, one bind over a verified channel,
 * unbind. A second connection tries LDAPS where the request in clear has no response. Never rejects for what the peer does.
 */
export const probeLdap: Probe<'ldap'> = async (endpoint, requested, io) => {
  // A policy must not choose the CA that vouches for the receiver of a credential.
  const ownCa = requested.credentialRef !== undefined && io.credentialCa !== undefined
  const options = ownCa ? { ...requested, trustedCa: io.credentialCa } : requested
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  connection.socket.setNoDelay() // small requests, each of which waits for its response
  let messageId = 0
  const nextMessageId = () => ++messageId
  const budget = { bytesLeft: maxBytes }
  const session: Session = { endpoint, options, io, connection, budget, nextMessageId, namingContexts: [], facts: {} }
  try {
    const reason = await runSteps(session)
    await session.channel?.end(unbind(nextMessageId()))
    return { state: 'open', reason, facts: session.facts, measurements: session.measurements }
  } finally {
    session.destroyTls?.()
    session.connection.socket.destroy()
  }
}

async function runSteps(session: Session): Promise<ReasonCode> {
  const { endpoint, options, facts, io } = session
  const plan = planSecurity(endpoint.port, options)
  if (plan.channel === 'ldaps') return runLdaps(session, plan)
  const clear = openPlain(session)
  // Half of the time for TLS, which a silent peer may wait for.
  const lost = await readDirectory(session, clear, 'plain', io.deadline.share(2))
  if (lost) return lost.mayBeTls ? tryLdaps(session, plan, lost) : lost.failure
  if (options.plainBind && !facts.plainBind && facts.security === 'plain') {
    const failure = await tryPlainBind(session, clear)
    if (failure) return failure
  }
  if (plan.channel === 'starttls') {
    const refused = await upgrade(session, clear)
    if (refused)
      return plan.required || refused === 'ldap-starttls-injection' ? refused : respondedReason(facts.plainBind)
  }
  return finish(session, plan)
}

async function runLdaps(session: Session, plan: SecurityPlan): Promise<ReasonCode> {
  const secure = await beginTls(session)
  if (typeof secure === 'string') return secure
  const lost = await readDirectory(session, secure, 'ldaps')
  return lost?.failure ?? finish(session, plan)
}

/** The last step: the bind, if a credential is given. */
async function finish(session: Session, { required }: SecurityPlan): Promise<ReasonCode> {
  const { options, facts, verified } = session
  if (required && !verified) return 'ldap-channel-unverified'
  return verified && options.credentialRef
    ? bind(session, verified, options.credentialRef)
    : respondedReason(facts.plainBind)
}

/** Tries LDAPS on a second connection. A peer that does not speak TLS there is judged by its response in clear. */
async function tryLdaps(session: Session, plan: SecurityPlan, inClear: ChannelFailure): Promise<ReasonCode> {
  const { endpoint, io, facts } = session
  session.connection.socket.destroy()
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return inClear.failure
  connection.socket.setNoDelay()
  session.connection = connection
  const { spoke, ...others } = facts
  const reason = await runLdaps(session, plan)
  const speaksTls = facts.tls?.protocol !== undefined || facts.tls?.alert !== undefined
  if (speaksTls && facts.spoke === spoke) delete facts.spoke
  if (!speaksTls) session.facts = { ...others, ...(spoke && { spoke }) }
  return speaksTls ? reason : inClear.failure
}

function openPlain(session: Session): Channel {
  const { connection, io, budget } = session
  const options = { deadline: io.deadline, budget, explainLoss: explainSocketLoss }
  session.channel = openChannel(connection.socket, options)
  return session.channel
}

async function beginTls(session: Session): Promise<Channel | ReasonCode> {
  session.channel = undefined
  const secured = await secureChannel(session)
  session.destroyTls = secured.destroy
  session.facts.tls = secured.facts
  session.channel = secured.channel
  session.verified = secured.verified
  return secured.channel ?? secured.reason
}

/** Why the probe ends at this step; undefined to continue. */
type Step = Promise<ReasonCode | undefined>

async function readDirectory(
  session: Session,
  channel: Channel,
  security: NonNullable<Session['facts']['security']>,
  within?: Deadline,
): Promise<ChannelFailure | undefined> {
  const reply = await readRootDse(channel, session.nextMessageId(), within)
  if ('failure' in reply) {
    if (reply.spoke) session.facts.spoke = reply.spoke
    if (reply.isNotice) Object.assign(session.facts, { security, rootDse: {} })
    return reply
  }
  const { activeDirectory, rootDse, omitted, clockSkewMs, namingContexts, refused } = reply.value
  Object.assign(session.facts, { security, rootDse })
  if (activeDirectory === undefined) delete session.facts.activeDirectory
  else session.facts.activeDirectory = activeDirectory
  if (omitted === undefined) delete session.facts.omitted
  else session.facts.omitted = omitted
  session.namingContexts = namingContexts
  const plainBind = refused && security === 'plain' ? refusedInClear(refused) : undefined
  if (plainBind) session.facts.plainBind = plainBind
  if (clockSkewMs !== undefined) session.measurements = { clockSkewMs }
  return undefined
}

const maxPlainBinds = 20
/** How much an outcome decides about several binds. */
const weights = { refused: 0, undecided: 1, taken: 2 }

/** Tries each database, as each can have a demand of its own; those of Active Directory share one. The least strict counts. */
async function tryPlainBind(session: Session, channel: Channel): Step {
  const { namingContexts, facts, nextMessageId } = session
  const [first, ...others] = namingContexts
  const bases = facts.activeDirectory ? [first] : [first, ...others]
  let least: LdapFacts['plainBind']
  for (const namingContext of bases.slice(0, maxPlainBinds)) {
    const reply = await bindAsUnknownUser(channel, { messageId: nextMessageId(), namingContext })
    if ('failure' in reply) return reply.failure
    const outcome = outcomeOfPlainBind(reply.value)
    if (!least || weights[outcome] > weights[outcomeOfPlainBind(least)]) least = reply.value
    if (outcome === 'taken') break
  }
  const isWhole = bases.length <= maxPlainBinds || (least && outcomeOfPlainBind(least) === 'taken')
  if (isWhole) facts.plainBind = least
  return undefined
}

async function upgrade(session: Session, plain: Channel): Step {
  const { failure, startTls } = await requestStartTls(plain, session.nextMessageId, session.io.deadline)
  if (startTls) session.facts.startTls = startTls
  if (failure) return failure
  const secure = await beginTls(session)
  // The client speaks first in TLS, so earlier bytes are injected.
  if (secure === 'protocol-mismatch') return 'ldap-starttls-injection'
  if (typeof secure === 'string') return secure
  // RFC 4513 section 3.1.5: discard what was read in clear.
  const lost = await readDirectory(session, secure, 'starttls')
  return lost?.failure
}

async function bind(session: Session, channel: VerifiedChannel, ref: string): Promise<ReasonCode> {
  const { endpoint, io } = session
  const [namingContext] = session.namingContexts
  const attempt = { messageId: session.nextMessageId(), ref, endpoint, namingContext }
  const { reason, facts } = await bindWithCredential(channel, attempt, io)
  Object.assign(session.facts, facts)
  return reason
}
