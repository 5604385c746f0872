import type { FastifyReply, FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { Limits } from '../../domain/access/limits.ts'
import { sendProblem } from './problems.ts'
import { createCounter, windowSeconds } from './window-counter.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A request that asks for an audit; such requests have a limit of their own. */
    countsAsAudit?: true
  }
}

/** Counts a request; true where there were too many, and it was answered 429. */
export type TooMany = (request: FastifyRequest, reply: FastifyReply) => boolean

const byKey = ({ caller }: FastifyRequest) => caller.keyId

/** Who has one address of an IPv6 network has all of it (RFC 6177). A proxy may name somebody by what is no address. */
function byAddress({ ip }: FastifyRequest): string {
  if (!ipaddr.isValid(ip)) return ip
  const address = ipaddr.process(ip)
  return address instanceof ipaddr.IPv6 ? address.parts.slice(0, 4).join(':') : address.toString()
}

/**
 * Limits how many requests a key makes in a minute, and how many an address makes without a valid one. Each process counts for
 * itself. Answers say what is left in the fields of draft-ietf-httpapi-ratelimit-headers-10.
 */
export function limitRequests(limits: Limits): TooMany {
  const counter = (name: string, max: number, whoOf: (request: FastifyRequest) => string) => {
    const count = createCounter()
    return { name, max, count: (request: FastifyRequest) => count(whoOf(request)) }
  }
  const requests = counter('requests', limits.requestsPerMinute, byKey)
  const all = (...counters: ReturnType<typeof counter>[]) => ({
    counters,
    policy: counters.map(({ name, max }) => `"${name}";q=${max};w=${windowSeconds}`).join(', '),
  })
  const ofKey = all(requests)
  const ofKeyForAudits = all(requests, counter('audits', limits.auditsPerMinute, byKey))
  const ofAddress = all(counter('refusals', limits.refusalsPerMinute, byAddress))

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
