import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/** The fields of every log line about a request. */
export const aboutRequest = ({ id, method, url, caller }: FastifyRequest) => ({
  requestId: id,
  method,
  url,
  key: caller?.keyId,
})

/** A child logger per request would cost too much. */
export const sharedLog = (log: FastifyBaseLogger) => log

/** Logs one line per request, after its response. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const line = { ...aboutRequest(request), status: reply.statusCode, tookMs: Math.round(reply.elapsedTime * 10) / 10 }
    if (error) request.log.error({ ...line, err: error }, 'request aborted')
    else request.log.info(line, 'request completed')
  }

  /** The client disconnected, or the source failed. */
  override streamError(error: NodeJS.ErrnoException, request: FastifyRequest): void {
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') request.log.info(aboutRequest(request), 'the client disconnected')
    else request.log.warn({ ...aboutRequest(request), err: error }, 'a response was cut off')
  }
}
