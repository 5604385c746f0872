import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { OptionsByProtocol } from '../../domain/protocols/index.ts'
import { type RdpFacts, type RdpSecurity, rdpSecurities } from '../../domain/protocols/rdp.ts'
import { createPatience, type Deadline } from '../engine/deadline.ts'
import {
  type Connection,
  type Endpoint,
  isConnection,
  type Outcome,
  type Probe,
  type ProbeIo,
  type ProbeResult,
} from '../engine/probe.ts'
import { endSession } from '../tls/end-session.ts'
import { handshakeTls } from '../tls/handshake.ts'
import { tryVersions } from '../tls/versions.ts'
import { type Negotiation, negotiate, offerSecurity } from './negotiation.ts'

type Securities = NonNullable<NonNullable<RdpFacts['rdp']>['securities']>

/** RDP up to its TLS handshake; one more connection for each security protocol and each TLS version of the rule. */
export const probeRdp: Probe<'rdp'> = async (endpoint, options, io) => {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  const negotiation = await negotiate(connection, io.deadline)
  const seen = await explore(connection, endpoint, negotiation, { options, io })
  const { offerSecurities = [] } = options
  if (!seen.facts.rdp || offerSecurities.length === 0) return seen
  const securities = await offerEach(endpoint, offerSecurities, seen.facts.rdp.selected, io)
  return { ...seen, facts: { ...seen.facts, rdp: { ...seen.facts.rdp, securities } } }
}

interface Exploration {
  options: OptionsByProtocol['rdp']
  io: ProbeIo
}

/** The facts that follow from the negotiation: with TLS, those of its session. */
async function explore(
  connection: Connection,
  endpoint: Endpoint,
  negotiation: Negotiation,
  { options, io }: Exploration,
): Promise<ProbeResult<'rdp'>> {
  const { selected, reason, refusedWith, spoke } = negotiation
  if (selected === 'standard') return { state: 'open', reason: 'rdp-without-tls', facts: { rdp: { selected } } }
  if (selected) return startTls(connection, endpoint, selected, { options, io })
  if (refusedWith === undefined) return { state: 'open', reason, facts: spoke ? { spoke } : {} }
  // SSL_NOT_ALLOWED_BY_SERVER and SSL_CERT_NOT_ON_SERVER: standard RDP security is left, and has to be requested alone.
  const alone = await offerOnce(endpoint, 'standard', io, io.deadline)
  if (alone.selected) return explore(connection, endpoint, alone, { options, io })
  return {
    state: 'open',
    reason: alone.refusedWith === undefined ? alone.reason : reason,
    facts: { rdp: { refusedWith } },
  }
}

async function startTls(
  connection: Connection,
  endpoint: Endpoint,
  selected: RdpSecurity,
  { options: { trustedCa, offerVersions = [] }, io }: Exploration,
): Promise<ProbeResult<'rdp'>> {
  const handshake = await handshakeTls(connection, endpoint, { trustedCa }, io.deadline)
  const { stream } = handshake
  if (stream) await endSession(stream, createPatience(connection.connectMs, io.deadline))
  // The peer speaks RDP, so `spoke` would mislead.
  const { spoke: _, ...tls } = handshake.facts
  const connect = (to: Endpoint, deadline: Deadline) => connectForTls(to, deadline, io)
  const versions =
    offerVersions.length > 0
      ? { versions: await tryVersions(endpoint, offerVersions, tls, { deadline: io.deadline, connect }) }
      : {}
  return {
    state: 'open',
    reason: reasonsAfterNegotiation[handshake.reason] ?? handshake.reason,
    facts: { ...tls, ...versions, rdp: { selected } },
    ...(handshake.measurements && { measurements: handshake.measurements }),
  }
}

const reasonsAfterNegotiation: Partial<Record<ReasonCode, ReasonCode>> = {
  'tls-ok': 'rdp-tls-ok',
  'protocol-mismatch': 'protocol-violation',
}

async function connectForTls(endpoint: Endpoint, deadline: Deadline, io: ProbeIo): Promise<Connection | Outcome> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return connection
  const { selected, reason } = await negotiate(connection, deadline)
  if (selected && selected !== 'standard') return connection
  return { state: 'open', reason: reason ?? 'rdp-without-tls' }
}

/** Offers each security protocol alone, one connection each; another selection is a refusal. */
async function offerEach(
  endpoint: Endpoint,
  requested: readonly RdpSecurity[],
  selected: RdpSecurity | undefined,
  io: ProbeIo,
): Promise<Securities> {
  const wanted = rdpSecurities.filter((one) => requested.includes(one))
  const outcomes: [RdpSecurity, Securities[RdpSecurity]][] = []
  for (const [index, one] of wanted.entries()) {
    const deadline = io.deadline.share(wanted.length - index)
    const outcome = one === selected ? { selected } : await offerOnce(endpoint, one, io, deadline)
    outcomes.push([one, outcomeOf(one, outcome, selected !== undefined)])
  }
  return Object.fromEntries(outcomes)
}

const closes: ReadonlySet<ReasonCode | undefined> = new Set(['connection-closed', 'connection-reset'])

/** A close counts as a refusal only if the peer selected another protocol. */
function outcomeOf(
  security: RdpSecurity,
  { selected, reason, refusedWith }: Negotiation,
  another: boolean,
): Securities[RdpSecurity] {
  if (selected === security) return 'accepted'
  const isRefusal = selected !== undefined || refusedWith !== undefined || (another && closes.has(reason))
  return isRefusal ? 'refused' : 'not-tested'
}

async function offerOnce(
  endpoint: Endpoint,
  security: RdpSecurity,
  io: ProbeIo,
  deadline: Deadline,
): Promise<Negotiation> {
  const connection = await io.connect(endpoint)
  return isConnection(connection) ? offerSecurity(connection, security, deadline) : { reason: connection.reason }
}
