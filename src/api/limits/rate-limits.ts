import type { FastifyReply, FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { Limits } from '../../domain/access/limits.ts'
import { sendProblem } from '../http/problems.ts'
import { createCounter, windowSeconds } from './window-counter.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the audit limit applies to the operation as well. */
    countsAsAudit?: true
  }
}

/** Counts a request; true when 429 was sent. */
export type TooMany = (request: FastifyRequest, reply: FastifyReply) => boolean

const byKey = ({ caller }: FastifyRequest) => caller.keyId

/** Clients own whole IPv6 /64 networks (RFC 6177). */
function byAddress({ ip }: FastifyRequest): string {
  if (!ipaddr.isValid(ip)) return ip
  const address = ipaddr.process(ip)
  return address instanceof ipaddr.IPv6 ? address.parts.slice(0, 4).join(':') : address.toString()
}

/**
 * Limits the requests of a key per minute, and those of an address without a valid key. Each process counts alone. Responses
 * carry the fields of draft-ietf-httpapi-ratelimit-headers-10.
 */
export function limitRequests(limits: Limits): TooMany {
  const counter = (name: string, max: number, clientOf: (request: FastifyRequest) => string) => {
    const count = createCounter()
    return { name, max, count: (request: FastifyRequest) => count(clientOf(request)) }
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
    const isAudit = request.routeOptions.config.countsAsAudit === true
    const { counters, policy } = request.caller ? (isAudit ? ofKeyForAudits : ofKey) : ofAddress
    const remaining: string[] = []
    const exceeded: string[] = []
    for (const { name, max, count } of counters) {
      const { used, leftSeconds } = count(request)
      remaining.push(`"${name}";r=${Math.max(0, max - used)};t=${leftSeconds}`)
      if (used <= max) continue
      exceeded.push(`${max} ${name} in a minute`)
      reply.header('retry-after', Math.max(1, leftSeconds))
    }
    reply.header('ratelimit-policy', policy).header('ratelimit', remaining.join(', '))
    if (exceeded.length === 0) return false
    const client = request.caller ? 'with this key' : 'without a valid key from this address'
    sendProblem(reply, { status: 429, detail: `more than ${exceeded.join(' and ')} ${client}` })
    return true
  }
}
