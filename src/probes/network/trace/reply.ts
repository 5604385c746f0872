import { isIPv6 } from 'node:net'
import { isTimeExceeded } from '../../../domain/traces/icmp.ts'
import { failureOf, type TraceFailure } from '../../../domain/traces/trace.ts'
import { explainFailure } from '../connect-failure.ts'
import type { ConnectResult } from '../connector/connector.ts'
import type { Reply } from './plan.ts'

/** What an attempt to connect met, or the failure of the vantage that ended it. */
export async function readReply(
  { address, port }: { address: string; port: number },
  { outcome, icmp, immediate, elapsedMs }: ConnectResult,
): Promise<Reply | { failure: TraceFailure }> {
  const ms = Math.round(elapsedMs * 10) / 10
  if (outcome === 'connected') return { kind: 'connected', ms }
  if (outcome === 'silent' || outcome === 'ETIMEDOUT') return { kind: 'silent' }
  if (icmp && icmp.origin !== 'local' && icmp.sender !== undefined) {
    const { sender, type, code } = icmp
    return isTimeExceeded(icmp, isIPv6(sender))
      ? { kind: 'hop', address: sender, ms }
      : { kind: 'rejected', address: sender, type, code, ms }
  }
  if (!immediate && outcome === 'ECONNREFUSED') return { kind: 'reset', ms }
  if (!immediate && outcome === 'EHOSTUNREACH') return { kind: 'unreachable' }
  const { state, reason } = await explainFailure({
    endpoint: { host: address, address, port },
    code: outcome,
    immediate,
    elapsedMs,
  })
  return state === 'unknown' ? { failure: failureOf(reason) } : { kind: 'silent' }
}
