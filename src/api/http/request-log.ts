import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { createCounter } from '../limits/window-counter.ts'

type Level = 'info' | 'warn' | 'error'

/** Lines about requests without a valid key, per minute and process: a flood of them must not fill the disk. */
export const maxKeylessLines = 300
const maxUrlLength = 1_000

/** Logs a line about a request; without a valid key only so many per minute, and then how many were left out. */
export function logRequest(request: FastifyRequest, level: Level, fields: object, message: string): void {
  const { log, caller, id, method, url } = request
  if (!caller && !hasRoom(log)) return
  const shown = url.length > maxUrlLength ? `${url.slice(0, maxUrlLength)}…` : url
  log[level]({ requestId: id, method, url: shown, key: caller?.keyId, ...fields }, message)
}

interface Budget {
  count: ReturnType<typeof createCounter>
  leftOut: number
}
const budgets = new WeakMap<FastifyBaseLogger, Budget>()

function hasRoom(log: FastifyBaseLogger): boolean {
  const budget = budgets.get(log) ?? { count: createCounter(), leftOut: 0 }
  budgets.set(log, budget)
  if (budget.count('').used > maxKeylessLines) {
    budget.leftOut += 1
    return false
  }
  if (budget.leftOut > 0) log.warn({ leftOut: budget.leftOut }, 'requests without a valid key were not logged')
  budget.leftOut = 0
  return true
}

/** A child logger per request would cost too much. */
export const sharedLog = (log: FastifyBaseLogger) => log

/** Logs one line per request, after its response. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const fields = { status: reply.statusCode, tookMs: Math.round(reply.elapsedTime * 10) / 10 }
    if (error) logRequest(request, 'error', { ...fields, err: error }, 'request aborted')
    else logRequest(request, 'info', fields, 'request completed')
  }

  /** The client disconnected, or the source failed. */
  override streamError(error: NodeJS.ErrnoException, request: FastifyRequest): void {
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') logRequest(request, 'info', {}, 'the client disconnected')
    else logRequest(request, 'warn', { err: error }, 'a response was cut off')
  }
}
