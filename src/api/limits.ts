import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Limits } from '../domain/limits.ts'
import { sendProblem } from './problems.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A request that asks for an audit; such requests have a limit of their own. */
    countsAsAudit?: true
  }
}

/** Counts a request; true where there were too many, and it was answered 429. */
export type TooMany = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>

const windowSeconds = 60
const byKey = ({ caller }: FastifyRequest) => caller.keyId
// Who has one address of an IPv6 network has all of it.
const byAddress = ({ ip }: FastifyRequest) => normalizeIP(ip, 64)

/**
 * Limits how many requests a key makes in a minute, and how many an address makes without a valid one. Each process counts for
 * itself. Answers say what is left in the fields of draft-ietf-httpapi-ratelimit-headers-10.
 */
export async function limitRequests(app: FastifyInstance, limits: Limits): Promise<TooMany> {
  await app.register(rateLimit, { global: false })
  const counter = (name: string, max: number, keyGenerator: (request: FastifyRequest) => string) => {
    const count = app.createRateLimit({ max, timeWindow: windowSeconds * 1000, keyGenerator })
    return { name, max, count }
  }
  const requests = counter('requests', limits.requestsPerMinute, byKey)
  const all = (...counters: ReturnType<typeof counter>[]) => ({
    counters,
    policy: counters.map(({ name, max }) => `"${name}";q=${max};w=${windowSeconds}`).join(', '),
  })
  const ofKey = all(requests)
  const ofKeyForAudits = all(requests, counter('audits', limits.auditsPerMinute, byKey))
  const ofAddress = all(counter('refusals', limits.refusalsPerMinute, byAddress))

  return async (request, reply) => {
    const asksForAudit = request.routeOptions.config.countsAsAudit === true
    const { counters, policy } = request.caller ? (asksForAudit ? ofKeyForAudits : ofKey) : ofAddress
    const left: string[] = []
    const used: string[] = []
    for (const { name, max, count } of counters) {
      const state = await count(request)
      if (state.isAllowed) continue // nobody is on a list of those who may do anything
      left.push(`"${name}";r=${state.remaining};t=${state.ttlInSeconds}`)
      if (state.isExceeded) used.push(`${max} ${name} in a minute`)
      if (state.isExceeded) reply.header('retry-after', Math.max(1, state.ttlInSeconds))
    }
    reply.header('ratelimit-policy', policy).header('ratelimit', left.join(', '))
    if (used.length === 0) return false
    const who = request.caller ? 'of this key' : 'without a valid key of this address'
    sendProblem(reply, { status: 429, detail: `there were more than ${used.join(' and ')} ${who}` })
    return true
  }
}
