import { lookup as getAddressInfo } from 'node:dns/promises'
import { isIPv4, isIPv6 } from 'node:net'
import { isHost } from '../../domain/findings/endpoint.ts'
import { createDeadline } from '../engine/deadline.ts'
import type { DescriptorWatch } from '../engine/descriptor-pressure.ts'
import type { Outcome } from '../engine/probe.ts'
import { parseLiteral } from './ip-literal.ts'

/** Asks the system for all addresses of a name; rejects with an error that has a `code`. */
export type Lookup = (name: string) => Promise<readonly string[]>

/** Gives the literal addresses of a host, each once, IPv4 first, in an order that does not move with DNS rotation; or why there are none. Never rejects. */
export type Resolver = (host: string) => Promise<readonly string[] | Outcome>

interface ResolverOptions {
  lookup: Lookup
  /** For one look-up, from its start; waiting for its turn does not count. */
  timeoutMs: number
  /** Look-ups at once: see `lookupThreads`. */
  parallel: number
  /** How long the name servers may answer nothing at all until the names that wait for their turn are given up. */
  patienceMs: number
  descriptors: DescriptorWatch
}

/** The system's resolver, /etc/hosts included. */
export const systemLookup: Lookup = async (name) => {
  const answers = await getAddressInfo(name, { all: true, order: 'verbatim' })
  return answers.map(({ address }) => address)
}

/** How many look-ups libuv works on at once: half of its threads. More would wait inside it, unseen, and time out there. */
export function lookupThreads(env: NodeJS.ProcessEnv): number {
  const threads = env.UV_THREADPOOL_SIZE === undefined ? 4 : Number.parseInt(env.UV_THREADPOOL_SIZE, 10) || 1
  return Math.max(1, Math.floor((threads + 1) / 2))
}

/**
 * Resolves hosts, the same name once at a time. A look-up that is overdue cannot be stopped and keeps its thread; the others wait
 * for their turn, as long as the name servers show signs of life.
 */
export function createResolver(options: ResolverOptions): Resolver {
  const turns = createTurns(options.parallel, options.patienceMs)
  const inFlight = new Map<string, Promise<readonly string[] | Outcome>>()

  const ask = async (name: string): Promise<readonly string[] | Outcome> => {
    if (!(await turns.take())) {
      inFlight.delete(name)
      return unavailable
    }
    const startedAt = performance.now()
    const settle = (result: readonly string[] | Outcome, alive: boolean) => {
      inFlight.delete(name)
      turns.giveBack(alive)
      return result
    }
    const answer = options.lookup(name).then(
      (addresses) => settle(arrange(addresses), true),
      (error: NodeJS.ErrnoException) => {
        const outcome = explain(error.code, options.descriptors, startedAt)
        return settle(outcome, outcome.state === 'unresolved')
      },
    )
    return within(answer, options.timeoutMs)
  }

  return async (host) => {
    if (!isHost(host)) return { state: 'unknown', reason: 'invalid-host' }
    if (isIPv4(host)) return [host]
    if (isIPv6(host)) return arrange([host])
    const name = host.toLowerCase()
    const asked = inFlight.get(name) // an overdue look-up stays here until the system gives it up, and is not made again before
    if (asked) return asked
    const asking = ask(name)
    inFlight.set(name, asking)
    return asking
  }
}

const unavailable: Outcome = { state: 'unknown', reason: 'dns-unavailable' }

function explain(code: string | undefined, descriptors: DescriptorWatch, startedAt: number): Outcome {
  // Without a descriptor for its socket or its files, the system's resolver says that the name does not exist.
  if (code === 'EMFILE' || code === 'ENFILE' || descriptors.wereScarceSince(startedAt)) {
    return { state: 'unknown', reason: 'descriptors-exhausted' }
  }
  if (code === 'ENOTFOUND') return { state: 'unresolved', reason: 'name-not-found' }
  return code === 'EAI_MEMORY' || code === 'ENOMEM' ? { state: 'unknown', reason: 'local-resources' } : unavailable
}

/** IPv4-mapped addresses become the IPv4 addresses that they are, so that one host is not seen twice. */
function arrange(addresses: readonly string[]): readonly string[] | Outcome {
  const canonical = new Set(addresses.map((address) => parseLiteral(address)?.toString() ?? address))
  const byFamilyThenText = (a: string, b: string) => Number(isIPv4(b)) - Number(isIPv4(a)) || (a < b ? -1 : 1)
  const sorted = [...canonical].sort(byFamilyThenText)
  return sorted.length > 0 ? sorted : { state: 'unresolved', reason: 'name-not-found' }
}

function within<T>(answer: Promise<T>, ms: number): Promise<T | Outcome> {
  return new Promise((resolve) => {
    const stopWaiting = createDeadline(ms).onExpiry(() => resolve(unavailable))
    answer.then((result) => {
      stopWaiting()
      resolve(result)
    })
  })
}

interface Turns {
  /** Resolves to true when it is the caller's turn, to false when the name servers are silent and waiting makes no sense. */
  take(): Promise<boolean>
  giveBack(alive: boolean): void
}

function createTurns(parallel: number, patienceMs: number): Turns {
  const waiting: ((mayStart: boolean) => void)[] = []
  let running = 0
  let aliveAt = 0
  let timer: NodeJS.Timeout | undefined
  const patienceLeftMs = () => aliveAt + patienceMs - performance.now()

  const sendAwaySoon = () => {
    clearTimeout(timer)
    timer = waiting.length === 0 ? undefined : setTimeout(sendAway, patienceLeftMs())
  }
  const sendAway = () => {
    for (const leave of waiting.splice(0)) leave(false)
  }

  return {
    take: async () => {
      if (running < parallel) {
        if (running === 0) aliveAt = performance.now() // nothing was asked, so nothing was left unanswered
        running += 1
        return true
      }
      if (patienceLeftMs() <= 0) return false
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (waiting.length === 1) sendAwaySoon()
      })
    },
    giveBack(alive) {
      if (alive) aliveAt = performance.now()
      const next = waiting.shift()
      if (next) next(true)
      else running -= 1
      sendAwaySoon()
    },
  }
}
