import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Limits } from '../domain/limits.ts'
import { sendProblem } from './problems.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A request that asks for an audit; such requests have a limit of their own. */
    countsAsAudit?: true
  }
}

/** Counts a request; true where there were too many, and it was answered 429. */
export type TooMany = (request: FastifyRequest, reply: FastifyReply) => boolean

const windowSeconds = 60
/** Those who were seen last have their counts; who was forgotten begins anew. */
const remembered = 5_000
const byKey = ({ caller }: FastifyRequest) => caller.keyId
// Who has one address of an IPv6 network has all of it.
const byAddress = ({ ip }: FastifyRequest) => normalizeIP(ip, 64)

/** Counts what each of many does in a window that begins with the first of it. */
function createCounter(name: string, max: number, whoOf: (request: FastifyRequest) => string) {
  const windows = new Map<string, { used: number; endsAt: number }>()
  const count = (request: FastifyRequest) => {
    const who = whoOf(request)
    const now = performance.now()
    let window = windows.get(who)
    if (!window || window.endsAt <= now) window = { used: 0, endsAt: now + windowSeconds * 1000 }
    window.used += 1
    windows.delete(who) // so that the first one is always the one that was seen least lately
    windows.set(who, window)
    const [first] = windows.keys()
    if (windows.size > remembered && first !== undefined) windows.delete(first)
    return { used: window.used, leftSeconds: Math.ceil((window.endsAt - now) / 1000) }
  }
  return { name, max, count }
}

/**
 * Limits how many requests a key makes in a minute, and how many an address makes without a valid one. Each process counts for
 * itself. Answers say what is left in the fields of draft-ietf-httpapi-ratelimit-headers-10.
 */
export function limitRequests(limits: Limits): TooMany {
  const requests = createCounter('requests', limits.requestsPerMinute, byKey)
  const all = (...counters: ReturnType<typeof createCounter>[]) => ({
    counters,
    policy: counters.map(({ name, max }) => `"${name}";q=${max};w=${windowSeconds}`).join(', '),
  })
  const ofKey = all(requests)
  const ofKeyForAudits = all(requests, createCounter('audits', limits.auditsPerMinute, byKey))
  const ofAddress = all(createCounter('refusals', limits.refusalsPerMinute, byAddress))

  return (request, reply) => {
    const asksForAudit = request.routeOptions.config.countsAsAudit === true
    const { counters, policy } = request.caller ? (asksForAudit ? ofKeyForAudits : ofKey) : ofAddress
    const left: string[] = []
    const exceeded: string[] = []
    for (const { name, max, count } of counters) {
      const { used, leftSeconds } = count(request)
      left.push(`"${name}";r=${Math.max(0, max - used)};t=${leftSeconds}`)
      if (used <= max) continue
      exceeded.push(`${max} ${name} in a minute`)
      reply.header('retry-after', Math.max(1, leftSeconds))
    }
    reply.header('ratelimit-policy', policy).header('ratelimit', left.join(', '))
    if (exceeded.length === 0) return false
    const who = request.caller ? 'of this key' : 'without a valid key of this address'
    sendProblem(reply, { status: 429, detail: `there were more than ${exceeded.join(' and ')} ${who}` })
    return true
  }
}
