import type { Logger } from 'pino'
import { Value } from 'typebox/value'
import { BindDecision } from '../../domain/vantages/binds.ts'
import type { Binds } from '../../probes/engine/binds.ts'
import type { Server } from './server.ts'

interface BindsParts {
  server: Server
  /** The path of the leases of the vantage. */
  path: string
  log: Logger
}

const responseMarginMs = 5_000
/** Before the last one the lease of the bind may have ended, which then counts as refused. */
const reports = 3

/** Binds of an agent, which asks the service. */
export const bindsOfLease = (
  { server, path, log }: BindsParts,
  { id, bindSalt }: { id: string; bindSalt: string },
): Binds => ({
  salt: bindSalt,
  async claim(claim) {
    // Not aborted, so that a permission that comes late is given back.
    const timeoutMs = claim.waitMs + responseMarginMs
    const { status, body } = await server.post(`${path}/${id}/binds`, claim, { timeoutMs })
    if (status === 200 && Value.Check(BindDecision, body)) return body
    log.error({ lease: id, status, problem: body }, 'the server permits no bind')
    throw new Error(`the response to a claim has the status ${status}`)
  },
  async settle(bind, result) {
    for (let report = 1; ; report++) {
      try {
        const { status, body } = await server.post(`${path}/${id}/binds/${bind}`, result, {
          timeoutMs: responseMarginMs,
        })
        if (status !== 204) log.error({ bind, status, problem: body }, 'the server refused the result of a bind')
        return
      } catch (error) {
        if (report === reports) throw error
      }
    }
  },
})
