import type { FastifyInstance } from 'fastify'
import { sendProblem } from './problems.ts'

// RFC 9112 section 3.2: uri-host [ ":" port ], which may be empty.
const hostValue = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::(\d*))?$/i
const isHost = (value: string) => {
  const [isValid, port] = hostValue.exec(value) ?? []
  return isValid !== undefined && Number(port ?? 0) <= 65_535
}

/** Rejects a second or invalid `Host` (RFC 9112 section 3.2): a proxy may have read the other one. Node rejects a missing one. */
export function requireOneHost(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const { rawHeaders } = raw
    const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host')
    if (hosts.length <= 1 && hosts.every(isHost)) return done()
    const detail =
      hosts.length > 1 ? 'the request has more than one Host header' : 'the Host header must be HOST or HOST:PORT'
    sendProblem(reply.header('connection', 'close'), { status: 400, detail })
  })
}
