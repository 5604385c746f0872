import { type Hop, type MeasuredPath, maxHops } from '../../../domain/traces/trace.ts'
import { addressesOf, endOf, findLoop, isEnd, lastHop, type Replies, type Reply } from './plan.ts'

const maxOthers = 8

/** The path to a port from the replies, and from the reply without a hop limit. */
export function measurePath(port: number, replies: Replies, whole: Reply): MeasuredPath {
  const end = endOf(replies)
  const outcome = isEnd(whole) ? whole : end?.reply
  const loopAt = end ? undefined : findLoop(replies)
  const count = Math.min(loopAt ?? lastHop(replies), end ? end.hop - 1 : maxHops)
  return {
    port,
    outcome: outcome?.kind ?? 'silence',
    endHop: outcome && end?.reply.kind === outcome.kind ? end.hop : null,
    rejectedBy:
      outcome?.kind === 'rejected' ? { address: outcome.address, type: outcome.type, code: outcome.code } : null,
    hops: Array.from({ length: count }, (_, i) => hopOf(i + 1, replies.get(i + 1))),
    loops: loopAt !== undefined,
  }
}

function hopOf(hop: number, replies: readonly Reply[] = []): Hop {
  const [address = null, ...others] = addressesOf(replies)
  const times = replies.flatMap((reply) => (reply.kind === 'hop' && reply.ms !== null ? [reply.ms] : []))
  return {
    hop,
    address,
    ms: times.length > 0 ? Math.min(...times) : null,
    others: others.slice(0, maxOthers),
  }
}
