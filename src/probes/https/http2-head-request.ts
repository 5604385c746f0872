import { connect, constants } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { escapeControls } from '../../encoding/text.ts'
import type { Deadline } from '../engine/deadline.ts'
import { authorityOf, type HeadFailure, type HeadRequest, type HttpHead, headOf } from './head-request.ts'

/** The same as `requestHead` over a stream that agreed on `h2`, RFC 9113. */
export function requestHeadOverHttp2(
  stream: TLSSocket,
  { endpoint, usualPort, requester }: HeadRequest,
  deadline: Deadline,
): Promise<HttpHead | HeadFailure> {
  const { promise, resolve } = Promise.withResolvers<HttpHead | HeadFailure>()
  const authority = authorityOf(endpoint, usualPort)
  const session = connect(`https://${authority}`, { createConnection: () => stream, settings: { enablePush: false } })
  const settle = (result: HttpHead | HeadFailure) => {
    cancelExpiry()
    session.destroy()
    stream.destroy()
    resolve(result)
  }
  const cancelExpiry = deadline.onExpiry(() => settle({ failed: 'timeout' }))
  session.on('error', (error) => settle(failureOf(error)))
  session.on('close', () => settle({ failed: 'ended' }))
  const request = session.request(
    { ':method': 'HEAD', ':path': '/', 'user-agent': escapeControls(requester), accept: '*/*' },
    { endStream: true },
  )
  request.on('response', (headers, _flags, rawHeaders: string[]) => settle(headOf(headers[':status'] ?? 0, rawHeaders)))
  request.on('error', (error) => settle(failureOf(error, request.rstCode)))
  request.on('close', () => settle({ failed: 'ended' }))
  return promise
}

function failureOf({ code }: NodeJS.ErrnoException, resetCode?: number): HeadFailure {
  if (resetCode === constants.NGHTTP2_HTTP_1_1_REQUIRED) return { failed: 'ended', http1Required: true }
  return { failed: code === 'ERR_HTTP2_ERROR' ? 'mismatch' : 'ended' }
}
