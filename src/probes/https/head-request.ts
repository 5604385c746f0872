import { request } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { escapeControls } from '../../encoding/text.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Endpoint } from '../engine/probe.ts'

/** The headers of the response to `HEAD /`. */
export interface HttpHead {
  status: number
  server?: string
  hsts?: string
}

/** Why there is no response. */
export interface HeadFailure {
  failed: 'mismatch' | 'too-large' | 'timeout' | 'ended'
  /** The peer wants HTTP/1.1 instead of HTTP/2 (HTTP_1_1_REQUIRED, RFC 9113 section 7). */
  http1Required?: boolean
}

export interface HeadRequest {
  endpoint: Endpoint
  /** The default port, omitted from the Host header. */
  usualPort: number
  requester: string
  maxBytes: number
}

const maxHeaderLength = 300

/** Sends `HEAD / HTTP/1.1`, parses the response strictly and destroys the stream. */
export function requestHead(stream: Duplex, head: HeadRequest, deadline: Deadline): Promise<HttpHead | HeadFailure> {
  const { promise, resolve } = Promise.withResolvers<HttpHead | HeadFailure>()
  const sent = request({
    createConnection: () => stream,
    method: 'HEAD',
    path: '/',
    headers: {
      Host: authorityOf(head.endpoint, head.usualPort),
      'User-Agent': escapeControls(head.requester),
      Accept: '*/*',
      Connection: 'close',
    },
    insecureHTTPParser: false,
    maxHeaderSize: head.maxBytes,
  })
  const settle = (result: HttpHead | HeadFailure) => {
    cancelExpiry()
    sent.destroy()
    stream.destroy()
    resolve(result)
  }
  const cancelExpiry = deadline.onExpiry(() => settle({ failed: 'timeout' }))
  sent.on('response', (response) => settle(headOf(response.statusCode ?? 0, response.rawHeaders)))
  sent.on('upgrade', (response) => settle(headOf(response.statusCode ?? 0, response.rawHeaders)))
  sent.on('error', (error: NodeJS.ErrnoException) => settle(failureOf(error)))
  sent.on('close', () => settle({ failed: 'ended' }))
  sent.end()
  return promise
}

/** The value of Host and `:authority`, RFC 9110 section 7.2. */
export function authorityOf({ host, port }: Endpoint, usualPort: number): string {
  const name = isIPv6(host) ? `[${host}]` : host.replace(/\.$/, '')
  return port === usualPort ? name : `${name}:${port}`
}

function failureOf({ code }: NodeJS.ErrnoException): HeadFailure {
  if (code === 'HPE_HEADER_OVERFLOW') return { failed: 'too-large' }
  if (code === 'HPE_INVALID_EOF_STATE') return { failed: 'ended' } // within the headers
  return { failed: code?.startsWith('HPE_') ? 'mismatch' : 'ended' }
}

/** From names and values in turn, as Latin-1. */
export function headOf(status: number, rawHeaders: readonly string[]): HttpHead {
  const first = (name: string) => {
    const index = rawHeaders.findIndex((value, at) => at % 2 === 0 && value.toLowerCase() === name)
    const value = index === -1 ? undefined : rawHeaders[index + 1]
    // This restores the bytes.
    return value === undefined ? undefined : escapeControls(Buffer.from(value, 'latin1'), maxHeaderLength)
  }
  const server = first('server')
  const hsts = first('strict-transport-security') // RFC 6797 section 8.1: the first counts
  return { status, ...(server !== undefined && { server }), ...(hsts !== undefined && { hsts }) }
}
