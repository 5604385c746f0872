import type { FastifyInstance } from 'fastify'
import { sendProblem } from './problems.ts'

// RFC 9112 section 3.2: uri-host [ ":" port ], which may be empty.
const hostValue = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::(\d*))?$/i
const isHost = (value: string) => {
  const [isValid, port] = hostValue.exec(value) ?? []
  return isValid !== undefined && Number(port ?? 0) <= 65_535
}

/**
 * Rejects a second or invalid `Host` (RFC 9112 section 3.2), and `Transfer-Encoding` in HTTP/1.0 (section 6.1): a proxy may have read
 * the request otherwise. Node rejects a missing `Host`.
 */
export function requireOneMeaning(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const { rawHeaders } = raw
    const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host')
    const isChunked = raw.httpVersion === '1.0' && raw.headers['transfer-encoding'] !== undefined
    if (hosts.length <= 1 && hosts.every(isHost) && !isChunked) return done()
    const ofHost =
      hosts.length > 1 ? 'the request has more than one Host header' : 'the Host header must be HOST or HOST:PORT'
    const detail = isChunked ? 'HTTP/1.0 has no Transfer-Encoding' : ofHost
    sendProblem(reply.header('connection', 'close'), { status: 400, detail })
  })
}
