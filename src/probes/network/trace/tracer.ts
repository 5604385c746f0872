import { failureOf, type MeasuredPath, type TraceFailure, type TraceResult } from '../../../domain/traces/trace.ts'
import { watchDescriptors } from '../../engine/descriptor-pressure.ts'
import type { Budget } from '../../engine/socket-budget.ts'
import type { Connector } from '../connector/connector.ts'
import { type AllowEntry, createEgressPolicy, type EgressPolicy, type OwnEndpoint } from '../egress-policy.ts'
import { parseLiteral } from '../ip-literal.ts'
import { createResolver, lookupThreads, type Resolver, systemLookup } from '../resolve.ts'
import { measurePath } from './measure.ts'
import { nextRound, type Reply } from './plan.ts'
import { readReply, repeatedAfterMs } from './reply.ts'

/** What to trace. */
export interface TraceOrder {
  host: string
  port: number
  /** Ports of the host for the comparison, of which the first open one is taken, else the first that refuses. */
  compare: readonly number[]
}

export interface Tracer {
  /** Why it would not trace an endpoint; names are checked when they are resolved. */
  refusal(endpoint: { host: string; port: number }): TraceFailure | undefined
  /**
   * Finds the hops to a port of the first address of a host, by SYNs with growing hop limits, which needs no privilege. Sends a few
   * SYNs at a time, within the egress policy. Never rejects for what the network does; throws the reason of an aborted `signal`.
   */
  trace(order: TraceOrder, signal?: AbortSignal): Promise<TraceResult | { failure: TraceFailure }>
}

interface TracerSettings {
  connector: Connector
  budget: Budget
  allow: readonly AllowEntry[]
  never: readonly OwnEndpoint[]
}

interface TracerParts extends Pick<TracerSettings, 'connector' | 'budget'> {
  egress: EgressPolicy
  resolve: Resolver
}

/** With a hop limit: long enough for the SYN that the kernel repeats, because it loses an ICMP message that arrives within connect(). */
const hopTimeoutMs = repeatedAfterMs + 300
/** Without one: an absent host behind a router is reported after 3 s (RFC 4861 section 10). */
const wholeTimeoutMs = 4_000

/** A failure of the vantage, which ends the trace. */
class Failed extends Error {
  readonly failure: TraceFailure
  constructor(failure: TraceFailure) {
    super(failure)
    this.failure = failure
  }
}

const lookup = { lookup: systemLookup, timeoutMs: 5_000, patienceMs: 15_000 }

/** Makes the tracer of a vantage. */
export function openTracer({ connector, budget, allow, never }: TracerSettings): Tracer {
  const egress = createEgressPolicy({ allow, never })
  const resolve = createResolver({ ...lookup, parallel: lookupThreads(process.env), descriptors: watchDescriptors() })
  const parts = { connector, budget, egress, resolve }
  return {
    refusal({ host, port }) {
      if (!connector.knowsIcmp) return 'trace-not-supported'
      return parseLiteral(host) && !egress.permits(host, port) ? 'egress-denied' : undefined
    },
    trace: (order, signal) => makeTrace(parts, order, signal),
  }
}

async function makeTrace(parts: TracerParts, { host, port, compare }: TraceOrder, signal?: AbortSignal) {
  const { connector, egress, resolve } = parts
  if (!connector.knowsIcmp) return { failure: 'trace-not-supported' } as const
  const addresses = await resolve(host)
  if ('state' in addresses) return { failure: failureOf(addresses.reason) }
  const [address] = addresses
  // One denied address makes the whole name untrusted.
  if (address === undefined || !addresses.every((one) => egress.permits(one, port)))
    return { failure: 'egress-denied' } as const
  const send: Send = (to, limit) => sendSyn(parts, { address, port: to, ...limit }, signal)
  const others = compare.filter((one) => one !== port && egress.permits(address, one))
  try {
    const path = await tracePort(port, send)
    const other = path.outcome === 'connected' ? undefined : await firstResponding(others, send)
    return { address, path, comparison: other === undefined ? null : await tracePort(other, send) }
  } catch (error) {
    if (error instanceof Failed) return { failure: error.failure }
    throw error
  }
}

type Send = (port: number, limit: { timeoutMs: number; ttl?: number }) => Promise<Reply>

async function sendSyn(
  { connector, budget }: TracerParts,
  attempt: { address: string; port: number; timeoutMs: number; ttl?: number },
  signal?: AbortSignal,
): Promise<Reply> {
  await budget.acquire(attempt.address)
  try {
    signal?.throwIfAborted()
    const reply = await readReply(attempt, await connector.connect({ ...attempt, keep: false }, signal))
    signal?.throwIfAborted() // an aborted attempt may appear silent
    if ('failure' in reply) throw new Failed(reply.failure)
    return reply
  } finally {
    budget.release(attempt.address)
  }
}

async function tracePort(port: number, send: Send): Promise<MeasuredPath> {
  const replies = new Map<number, Reply[]>()
  const explore = async () => {
    for (let round = nextRound(replies); round.length > 0; round = nextRound(replies)) {
      const met = await Promise.all(round.map((ttl) => send(port, { ttl, timeoutMs: hopTimeoutMs })))
      for (const [i, ttl] of round.entries()) replies.set(ttl, [...(replies.get(ttl) ?? []), met[i] as Reply])
    }
  }
  const [whole] = await Promise.all([send(port, { timeoutMs: wholeTimeoutMs }), explore()])
  return measurePath(port, replies, whole)
}

/** The first port that is open, else the first that refuses; undefined where none responds in the name of the host. */
async function firstResponding(ports: readonly number[], send: Send): Promise<number | undefined> {
  const met = await Promise.all(ports.map((port) => send(port, { timeoutMs: hopTimeoutMs })))
  const first = (kind: Reply['kind']) => ports.find((_, i) => met[i]?.kind === kind)
  return first('connected') ?? first('reset')
}
