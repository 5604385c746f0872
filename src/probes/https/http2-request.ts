import { connect, constants } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Deadline } from '../engine/deadline.ts'
import { authorityOf, type Exchange, type HttpRequest, userAgentOf } from './request.ts'

/** Sends the request in HTTP/2, RFC 9113, and destroys the stream. */
export function exchangeHttp2(stream: Duplex, request: HttpRequest, deadline: Deadline): Promise<Exchange> {
  const { promise, resolve } = Promise.withResolvers<Exchange>()
  const { method, scheme } = request
  const session = connect(`${scheme}://${authorityOf(request)}`, {
    createConnection: () => stream,
    settings: { enablePush: false },
  })
  const settle = (result: Exchange) => {
    cancelExpiry()
    session.destroy()
    stream.destroy()
    resolve(result)
  }
  const cancelExpiry = deadline.onExpiry(() => settle({ end: 'timeout' }))
  session.on('error', (error) => settle(failureOf(error)))
  session.on('close', () => settle({ end: 'ended' }))
  const sent = session.request(
    { ':method': method, ':path': '/', 'user-agent': userAgentOf(request), accept: '*/*' },
    { endStream: true },
  )
  sent.on('response', (headers, _flags, rawHeaders: string[]) =>
    settle({ head: { status: headers[':status'] ?? 0, rawHeaders }, end: 'complete' }),
  )
  sent.on('error', (error) => settle(failureOf(error, sent.rstCode)))
  sent.on('close', () => settle({ end: 'ended' }))
  return promise
}

function failureOf({ code }: NodeJS.ErrnoException, resetCode?: number): Exchange {
  if (resetCode === constants.NGHTTP2_HTTP_1_1_REQUIRED) return { end: 'ended', http1Required: true }
  return { end: code === 'ERR_HTTP2_ERROR' ? 'foreign' : 'ended' }
}
