import { request } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { escapeControls } from '../../encoding/text.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Endpoint } from '../engine/probe.ts'

/** The head of an answer to `HEAD /`. */
interface HttpHead {
  status: number
  server?: string
  hsts?: string
}

/** Why no head came: what came was no HTTP, was too long, the deadline, or the end of the stream (with its error). */
export type HeadFailure = { failed: 'mismatch' | 'too-large' | 'timeout' } | { failed: 'ended'; error?: Error | null }

interface HeadRequest {
  endpoint: Endpoint
  /** 443 or 80: left out of the Host header. */
  usualPort: number
  requester: string
  maxBytes: number
}

const longestHeader = 300

/** Asks `HEAD / HTTP/1.1` over a stream and destroys it. Node's parser reads the answer, strictly. */
export function requestHead(stream: Duplex, head: HeadRequest, deadline: Deadline): Promise<HttpHead | HeadFailure> {
  const { promise, resolve } = Promise.withResolvers<HttpHead | HeadFailure>()
  const { host, port } = head.endpoint
  const name = isIPv6(host) ? `[${host}]` : host.replace(/\.$/, '')
  const asked = request({
    createConnection: () => stream,
    method: 'HEAD',
    path: '/',
    headers: {
      Host: port === head.usualPort ? name : `${name}:${port}`,
      'User-Agent': escapeControls(head.requester),
      Accept: '*/*',
      Connection: 'close',
    },
    insecureHTTPParser: false,
    maxHeaderSize: head.maxBytes,
  })
  const settle = (result: HttpHead | HeadFailure) => {
    cancelExpiry()
    asked.destroy()
    stream.destroy()
    resolve(result)
  }
  const cancelExpiry = deadline.onExpiry(() => settle({ failed: 'timeout' }))
  asked.on('response', (answer) => settle(headOf(answer.statusCode ?? 0, answer.rawHeaders)))
  asked.on('upgrade', (answer) => settle(headOf(answer.statusCode ?? 0, answer.rawHeaders)))
  asked.on('error', (error: NodeJS.ErrnoException) => settle(failureOf(error)))
  asked.on('close', () => settle({ failed: 'ended' }))
  asked.end()
  return promise
}

function failureOf({ code }: NodeJS.ErrnoException): HeadFailure {
  if (code === 'HPE_HEADER_OVERFLOW') return { failed: 'too-large' }
  if (code === 'HPE_INVALID_EOF_STATE') return { failed: 'ended' } // in the middle of a head
  return { failed: code?.startsWith('HPE_') ? 'mismatch' : 'ended' }
}

function headOf(status: number, rawHeaders: readonly string[]): HttpHead {
  const first = (name: string) => {
    const index = rawHeaders.findIndex((value, at) => at % 2 === 0 && value.toLowerCase() === name)
    const value = index === -1 ? undefined : rawHeaders[index + 1]
    // Node reads headers as Latin-1: back to the bytes that were sent.
    return value === undefined ? undefined : escapeControls(Buffer.from(value, 'latin1'), longestHeader)
  }
  const server = first('server')
  const hsts = first('strict-transport-security') // RFC 6797 section 8.1: the first one counts
  return { status, ...(server !== undefined && { server }), ...(hsts !== undefined && { hsts }) }
}
