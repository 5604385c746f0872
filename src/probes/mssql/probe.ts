import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { OptionsByProtocol } from '../../domain/protocols/index.ts'
import type { MssqlFacts } from '../../domain/protocols/mssql.ts'
import type { TlsVersion } from '../../domain/protocols/tls.ts'
import type { Deadline } from '../engine/deadline.ts'
import {
  type Connection,
  type Endpoint,
  isConnection,
  type Outcome,
  type Probe,
  type ProbeIo,
  type ProbeResult,
} from '../engine/probe.ts'
import { openWire } from '../network/wire.ts'
import { type Handshake, handshakeTls } from '../tls/handshake.ts'
import type { TlsCarrier } from '../tls/tap.ts'
import { tryVersions } from '../tls/versions.ts'
import { encapsulate } from './encapsulate.ts'
import { exchangePrelogin, type Prelogin } from './prelogin.ts'

const maxBytes = 64 * 1024
/** TDS 7 knows no newer one, and does not say how TLS 1.3 sends tickets after the handshake. */
const newestInPrelogin: TlsVersion = 'TLSv1.2'
const strictAlpn = 'tds/8.0'

interface Run {
  endpoint: Endpoint
  options: OptionsByProtocol['mssql']
  io: ProbeIo
}

/** The pre-login and its TLS handshake; one more connection for TDS 8.0 and for each TLS version of the rule. No login. */
export const probeMssql: Probe<'mssql'> = async (endpoint, options, io) => {
  const run = { endpoint, options, io }
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  const prelogin = await openPrelogin(connection, io.deadline)
  if (prelogin.facts) return insidePrelogin(connection, prelogin.facts, run)
  const strict = mayBeStrict(prelogin) ? await probeStrict(run) : undefined
  const { reason, spoke } = prelogin
  return strict ?? { state: 'open', reason, facts: spoke ? { spoke } : {} }
}

/** Leaves the connection open for TLS if the server supports it; else closes it. */
async function openPrelogin({ socket }: Connection, deadline: Deadline): Promise<Prelogin> {
  const wire = openWire(socket, deadline, maxBytes)
  const prelogin = await exchangePrelogin(wire)
  const mayEncrypt = prelogin.facts !== undefined && prelogin.facts.encryption !== 'not-supported'
  // The server waits for the first record of TLS: bytes in clear belong to nothing.
  if (mayEncrypt && !wire.release()) return prelogin
  await wire.close()
  return mayEncrypt ? { reason: 'protocol-violation', sentTls: false } : prelogin
}

async function insidePrelogin(
  { socket, connectMs }: Connection,
  mssql: NonNullable<MssqlFacts['mssql']>,
  { endpoint, options: { trustedCa, offerVersions = [] }, io }: Run,
): Promise<ProbeResult<'mssql'>> {
  if (mssql.encryption === 'not-supported') return { state: 'open', reason: 'mssql-without-tls', facts: { mssql } }
  const carrier = { socket: encapsulate(socket), connectMs }
  const limits = { trustedCa, maxVersion: newestInPrelogin }
  const handshake = await handshakeTls(carrier, endpoint, limits, io.deadline)
  handshake.stream?.destroy()
  const connect = (to: Endpoint, deadline: Deadline) => connectInside(to, deadline, io)
  return resultOf(
    handshake,
    mssql,
    await reoffer(endpoint, offerVersions, handshake, { deadline: io.deadline, connect }),
  )
}

async function connectInside(endpoint: Endpoint, deadline: Deadline, io: ProbeIo): Promise<TlsCarrier | Outcome> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return connection
  const { facts, reason } = await openPrelogin(connection, deadline)
  if (!facts) return { state: 'open', reason }
  if (facts.encryption === 'not-supported') return { state: 'open', reason: 'mssql-without-tls' }
  return { socket: encapsulate(connection.socket), connectMs: connection.connectMs }
}

/** A server of TDS 8.0 alone takes a pre-login in clear for a broken handshake. */
const mayBeStrict = ({ reason, sentTls }: Prelogin): boolean =>
  sentTls || reason === 'connection-closed' || reason === 'connection-reset'

/** TLS first, and the pre-login inside; undefined if the peer does not do so. */
async function probeStrict({ endpoint, options, io }: Run): Promise<ProbeResult<'mssql'> | undefined> {
  const { trustedCa, offerVersions = [] } = options
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return undefined
  const handshake = await handshakeTls(connection, endpoint, { trustedCa, alpn: [strictAlpn] }, io.deadline)
  if (!handshake.stream) return undefined
  const wire = openWire(handshake.stream, io.deadline, maxBytes)
  const { facts } = await exchangePrelogin(wire)
  await wire.close()
  if (!facts) return undefined
  const connect = (to: Endpoint) => io.connect(to)
  const versions = await reoffer(endpoint, offerVersions, handshake, { deadline: io.deadline, connect })
  return resultOf(handshake, { ...facts, encryption: 'strict' }, versions)
}

type Reoffer = Parameters<typeof tryVersions>[3]

const reoffer = async (endpoint: Endpoint, versions: readonly string[], { facts }: Handshake, io: Reoffer) =>
  versions.length > 0 ? { versions: await tryVersions(endpoint, versions, facts, io) } : {}

function resultOf(
  { facts, reason, measurements }: Handshake,
  mssql: NonNullable<MssqlFacts['mssql']>,
  versions: Pick<MssqlFacts, 'versions'>,
): ProbeResult<'mssql'> {
  // The peer speaks TDS, so `spoke` would mislead.
  const { spoke: _, ...tls } = facts
  return {
    state: 'open',
    reason: reasonsAfterPrelogin[reason] ?? reason,
    facts: { ...tls, ...versions, mssql },
    ...(measurements && { measurements }),
  }
}

const reasonsAfterPrelogin: Partial<Record<ReasonCode, ReasonCode>> = {
  'tls-ok': 'mssql-tls-ok',
  'protocol-mismatch': 'protocol-violation',
}
