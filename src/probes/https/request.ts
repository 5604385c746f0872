import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { escapeControls } from '../../encoding/text.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Endpoint } from '../engine/probe.ts'
import { HeadReader, type ResponseHead } from './response.ts'

/** A request for `/`. */
export interface HttpRequest {
  method: 'HEAD' | 'GET'
  /** Its host and port are the value of Host and `:authority`. */
  endpoint: Endpoint
  scheme: 'http' | 'https'
  requester: string
}

/** What came in response, as far as it was read. */
export interface Exchange {
  /** Without `complete` perhaps the beginning of one. */
  head?: ResponseHead
  /** `closed` by the peer in order; `ended` otherwise. */
  end: 'complete' | 'foreign' | 'too-large' | 'timeout' | 'closed' | 'ended'
  /** The peer wants HTTP/1.1 instead of HTTP/2 (HTTP_1_1_REQUIRED, RFC 9113 section 7). */
  http1Required?: boolean
}

/** The facts of a response. */
export interface HttpHead {
  status: number
  server?: string
  hsts?: string
}

const defaultPorts = { http: 80, https: 443 }
const maxHeaderLength = 300

/** Sends the request in HTTP/1.1, reads the head of the response and destroys the stream. `maxBytes` bounds the response. */
export function exchangeHttp1(
  stream: Duplex,
  { maxBytes, ...request }: HttpRequest & { maxBytes: number },
  deadline: Deadline,
): Promise<Exchange> {
  const { promise, resolve } = Promise.withResolvers<Exchange>()
  const reader = new HeadReader()
  let left = maxBytes
  const settle = (end: Exchange['end']) => {
    cancelExpiry()
    clearImmediate(sending)
    stream.destroy()
    resolve({ ...(reader.head && { head: reader.head }), end })
  }
  const cancelExpiry = deadline.onExpiry(() => settle('timeout'))
  stream.on('data', (bytes: Buffer) => {
    const progress = reader.read(bytes)
    left -= bytes.length
    if (progress !== 'more') settle(progress)
    else if (left < 0) settle('too-large')
  })
  stream.once('end', () => settle('closed'))
  for (const event of ['error', 'close']) stream.once(event, () => settle('ended'))
  // After what has arrived is read: a write to a peer that has reset the connection would discard it.
  const sending = setImmediate(() => stream.write(textOf(request)))
  return promise
}

/** GET is what browsers send: some servers close the connection for other programs, and serve those that begin like browsers. */
export const userAgentOf = ({ method, requester }: Pick<HttpRequest, 'method' | 'requester'>): string =>
  method === 'GET' ? `Mozilla/5.0 (compatible; ${escapeControls(requester)})` : escapeControls(requester)

function textOf(request: HttpRequest): string {
  const fields = { Host: authorityOf(request), 'User-Agent': userAgentOf(request), Accept: '*/*', Connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${request.method} / HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** The value of Host and `:authority`, RFC 9110 section 7.2. */
export function authorityOf({ endpoint: { host, port }, scheme }: Pick<HttpRequest, 'endpoint' | 'scheme'>): string {
  const name = isIPv6(host) ? `[${host}]` : host.replace(/\.$/, '')
  return port === defaultPorts[scheme] ? name : `${name}:${port}`
}

/** The first value of a header, its control bytes escaped. */
export function headerOf({ rawHeaders }: ResponseHead, name: string): string | undefined {
  const index = rawHeaders.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === name)
  const value = index === -1 ? undefined : rawHeaders[index + 1]
  // This restores the bytes.
  return value === undefined ? undefined : escapeControls(Buffer.from(value, 'latin1'), maxHeaderLength)
}

export function factsOf(head: ResponseHead & { status: number }): HttpHead {
  const server = headerOf(head, 'server')
  const hsts = headerOf(head, 'strict-transport-security') // RFC 6797 section 8.1: the first counts
  return { status: head.status, ...(server !== undefined && { server }), ...(hsts !== undefined && { hsts }) }
}
