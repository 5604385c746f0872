import { lookup as getAddressInfo } from 'node:dns/promises'
import { isIPv4, isIPv6 } from 'node:net'
import { isHost } from '../../domain/findings/endpoint.ts'
import { createDeadline } from '../engine/deadline.ts'
import type { DescriptorWatch } from '../engine/descriptor-pressure.ts'
import type { Outcome } from '../engine/probe.ts'
import { parseLiteral } from './ip-literal.ts'

/** Resolves a name to all its addresses; rejects with an error that has a `code`. */
export type Lookup = (name: string) => Promise<readonly string[]>

/** Resolves a host to distinct literal addresses, IPv4 first, in a stable order. Never rejects; a literal takes no time. */
export type Resolver = (host: string) => Resolved | Promise<Resolved>

type Resolved = readonly string[] | Outcome

interface ResolverOptions {
  lookup: Lookup
  /** For one lookup, without its time in the queue. */
  timeoutMs: number
  /** Concurrent lookups, see `lookupThreads`. */
  parallel: number
  /** Queued names fail after this time without any response from the name servers. */
  patienceMs: number
  descriptors: DescriptorWatch
}

/** The system resolver, including /etc/hosts. */
export const systemLookup: Lookup = async (name) => {
  const entries = await getAddressInfo(name, { all: true, order: 'verbatim' })
  return entries.map(({ address }) => address)
}

/** Concurrent lookups of libuv: half of its threads. Further ones would time out in its queue. */
export function lookupThreads(env: NodeJS.ProcessEnv): number {
  const threads = env.UV_THREADPOOL_SIZE === undefined ? 4 : Number.parseInt(env.UV_THREADPOOL_SIZE, 10) || 1
  return Math.max(1, Math.floor((threads + 1) / 2))
}

/**
 * Resolves hosts; concurrent requests for one name share a lookup.
 * An overdue lookup cannot be canceled and keeps its thread, so the others queue while any name server responds.
 */
export function createResolver(options: ResolverOptions): Resolver {
  const slots = createSlots(options.parallel, options.patienceMs)
  const inFlight = new Map<string, Promise<Resolved>>()

  const query = async (name: string): Promise<Resolved> => {
    if (!(await slots.take())) {
      inFlight.delete(name)
      return unavailable
    }
    const startedAt = performance.now()
    const settle = (result: Resolved, responded: boolean) => {
      inFlight.delete(name)
      slots.release(responded)
      return result
    }
    const result = options.lookup(name).then(
      (addresses) => settle(arrange(addresses), true),
      (error: NodeJS.ErrnoException) => {
        const outcome = explain(error.code, options.descriptors, startedAt)
        return settle(outcome, outcome.state === 'unresolved')
      },
    )
    return within(result, options.timeoutMs)
  }

  return (host) => {
    if (!isHost(host)) return { state: 'unknown', reason: 'invalid-host' }
    if (isIPv4(host)) return [host]
    if (isIPv6(host)) return arrange([host])
    const name = host.toLowerCase()
    const running = inFlight.get(name) // an overdue lookup stays here until the system ends it
    if (running) return running
    const started = query(name)
    inFlight.set(name, started)
    return started
  }
}

const unavailable: Outcome = { state: 'unknown', reason: 'dns-unavailable' }

function explain(code: string | undefined, descriptors: DescriptorWatch, startedAt: number): Outcome {
  // Without a free descriptor the system resolver reports "no such name".
  if (code === 'EMFILE' || code === 'ENFILE' || descriptors.wereScarceSince(startedAt)) {
    return { state: 'unknown', reason: 'descriptors-exhausted' }
  }
  if (code === 'ENOTFOUND') return { state: 'unresolved', reason: 'name-not-found' }
  return code === 'EAI_MEMORY' || code === 'ENOMEM' ? { state: 'unknown', reason: 'local-resources' } : unavailable
}

/** Maps IPv4-mapped addresses to IPv4, so that no address appears twice. */
function arrange(addresses: readonly string[]): Resolved {
  const canonical = new Set(addresses.map((address) => parseLiteral(address)?.toString() ?? address))
  const byFamilyThenText = (a: string, b: string) => Number(isIPv4(b)) - Number(isIPv4(a)) || (a < b ? -1 : 1)
  const sorted = [...canonical].sort(byFamilyThenText)
  return sorted.length > 0 ? sorted : { state: 'unresolved', reason: 'name-not-found' }
}

function within<T>(result: Promise<T>, ms: number): Promise<T | Outcome> {
  return new Promise((resolve) => {
    const stopWaiting = createDeadline(ms).onExpiry(() => resolve(unavailable))
    result.then((value) => {
      stopWaiting()
      resolve(value)
    })
  })
}

interface Slots {
  /** Resolves to true with a slot, to false if the name servers stay silent. */
  take(): Promise<boolean>
  release(responded: boolean): void
}

function createSlots(parallel: number, patienceMs: number): Slots {
  const waiting: ((mayStart: boolean) => void)[] = []
  let running = 0
  let lastResponseAt = 0
  let timer: NodeJS.Timeout | undefined
  const patienceLeftMs = () => lastResponseAt + patienceMs - performance.now()

  const scheduleExpiry = () => {
    clearTimeout(timer)
    timer = waiting.length === 0 ? undefined : setTimeout(expire, patienceLeftMs())
  }
  const expire = () => {
    for (const start of waiting.splice(0)) start(false)
  }

  return {
    take: async () => {
      if (running < parallel) {
        if (running === 0) lastResponseAt = performance.now() // after idle time nothing is unanswered
        running += 1
        return true
      }
      if (patienceLeftMs() <= 0) return false
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (waiting.length === 1) scheduleExpiry()
      })
    },
    release(responded) {
      if (responded) lastResponseAt = performance.now()
      const next = waiting.shift()
      if (next) next(true)
      else running -= 1
      scheduleExpiry()
    },
  }
}
