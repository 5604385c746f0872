import { isIPv6 } from 'node:net'
import { isTimeExceeded } from '../../../domain/traces/icmp.ts'
import { failureOf, type TraceFailure } from '../../../domain/traces/trace.ts'
import { explainFailure } from '../connect-failure.ts'
import type { ConnectResult } from '../connector/connector.ts'
import { isOwnAddress } from '../routing.ts'
import type { Reply } from './plan.ts'

/** The kernel repeats a SYN after a second (RFC 6298 section 2.1). */
export const repeatedAfterMs = 1_000

/** What an attempt to connect met, or the failure of the vantage that ended it. */
export async function readReply(
  { address, port }: { address: string; port: number },
  { outcome: code, icmp, immediate, elapsedMs }: ConnectResult,
): Promise<Reply | { failure: TraceFailure }> {
  const ms = Math.round(elapsedMs * 10) / 10
  if (code === 'connected') return { kind: 'connected', ms }
  if (code === 'silent') return { kind: 'silent' }
  const sender = icmp?.origin === 'local' ? undefined : icmp?.sender
  if (icmp && sender !== undefined && isTimeExceeded(icmp, isIPv6(sender)))
    return { kind: 'hop', address: sender, ms: elapsedMs < repeatedAfterMs ? ms : null }
  const { state, reason } = await explainFailure({ host: address, address, port }, { code, immediate, icmp })
  if (state === 'unknown') return { failure: failureOf(reason) }
  if (icmp && sender !== undefined && (sender === address || !isOwnAddress(sender)))
    return { kind: 'rejected', address: sender, type: icmp.type, code: icmp.code, ms }
  if (state === 'unreachable') return { kind: 'unreachable' }
  return state === 'closed' ? { kind: 'reset', ms } : { kind: 'silent' }
}
