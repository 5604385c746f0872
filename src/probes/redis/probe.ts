import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { isConnection, type Probe, type ProbeResult } from '../engine/probe.ts'
import { openWire } from '../network/wire.ts'
import { handshakeTls } from '../tls/handshake.ts'
import { tryVersions } from '../tls/versions.ts'
import { exchangePing, type Pong } from './ping.ts'

const maxBytes = 64 * 1024

/** PING in clear; where that finds no Redis, PING inside TLS. One more connection for each TLS version of the rule. */
export const probeRedis: Probe<'redis'> = async (endpoint, options, io) => {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  const wire = openWire(connection.socket, io.deadline, maxBytes)
  const pong = await exchangePing(wire)
  await wire.close()
  const { reason, shown, spoke } = pong
  if (shown) return { state: 'open', reason, facts: { redis: { encryption: 'none', ...shown } } }
  const inside = mayNeedTls(pong) ? await pingInsideTls(endpoint, options, io) : undefined
  return inside ?? { state: 'open', reason, facts: spoke ? { spoke } : {} }
}

const endings: ReadonlySet<ReasonCode> = new Set(['connection-closed', 'connection-reset'])

/** A port for TLS takes PING in clear for a broken handshake: an alert, or the end. */
const mayNeedTls = ({ reason, sentTls, spoke }: Pong): boolean =>
  sentTls === true || (spoke === 'nothing' && endings.has(reason))

async function pingInsideTls(
  ...[endpoint, { trustedCa, offerVersions = [] }, io]: Parameters<Probe<'redis'>>
): Promise<ProbeResult<'redis'> | undefined> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return undefined
  const { stream, facts, reason, measurements } = await handshakeTls(connection, endpoint, { trustedCa }, io.deadline)
  if (facts.protocol === undefined) return undefined
  const { spoke: _, ...tls } = facts
  const versions = offerVersions.length > 0 ? { versions: await tryVersions(endpoint, offerVersions, facts, io) } : {}
  const seen = { state: 'open', ...(measurements && { measurements }) } as const
  if (!stream) return { ...seen, reason, facts: { ...tls, ...versions } }
  const wire = openWire(stream, io.deadline, maxBytes)
  const pong = await exchangePing(wire)
  await wire.close()
  const redis = pong.shown && { redis: { encryption: 'tls' as const, ...pong.shown } }
  return { ...seen, reason: pong.reason, facts: { ...tls, ...versions, ...redis } }
}
