import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/** What every line about a request says: the id that an answer of 5xx shows, and who asked for what. */
export const aboutRequest = ({ id, method, url, caller }: FastifyRequest) => ({
  requestId: id,
  method,
  url,
  key: caller?.keyId,
})

/** A request has no log of its own: making one costs more than all else that is said of most requests. */
export const sharedLog = (log: FastifyBaseLogger) => log

/** One line for each request, when its answer is over. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const line = { ...aboutRequest(request), status: reply.statusCode, tookMs: Math.round(reply.elapsedTime * 10) / 10 }
    if (error) request.log.error({ ...line, err: error }, 'not answered')
    else request.log.info(line, 'answered')
  }

  /** The answer had begun: its reader has gone, or what it was read from has failed. */
  override streamError(error: NodeJS.ErrnoException, request: FastifyRequest): void {
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') request.log.info(aboutRequest(request), 'the reader has gone')
    else request.log.warn({ ...aboutRequest(request), err: error }, 'an answer broke off')
  }
}
