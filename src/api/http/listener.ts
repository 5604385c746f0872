import http, { type RequestListener } from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'

export interface ListenerSettings {
  /** PEM texts; undefined: plain HTTP. */
  tls: { cert: string; key: string } | undefined
  /** Whether to trust the last entry of `X-Forwarded-For`. */
  behindProxy: boolean
  /** The path of the service at its public URL, such as `/portwarden`; empty at the root. */
  pathPrefix: string
  /** Where a proxy publishes the service, without its last slash. */
  publicUrl: string | undefined
  /** The limit of open connections. */
  connections: number
}

/** RFC 9325 requires TLS 1.2 or newer. */
const tlsOptions = ({ cert, key }: NonNullable<ListenerSettings['tls']>) =>
  ({ cert, key, minVersion: 'TLSv1.2' }) as const

const socketOptions = {
  /** For the headers, then the whole request. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** The interval of the checks for overdue requests. */
  connectionsCheckingInterval: 2_000,
  /** Longer than that of proxies, which must close first. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
}

/** For connections that are closing to make room, see `shareConnections`. */
const spareConnections = 256

/** Creates the HTTP server, with limits for clients. */
export function createListener({ tls, connections }: ListenerSettings, handle: RequestListener): http.Server {
  const server = tls
    ? https.createServer({ ...socketOptions, ...tlsOptions(tls), handshakeTimeout: 10_000 }, handle)
    : http.createServer(socketOptions, handle)
  server.maxConnections = connections + spareConnections
  server.maxHeadersCount = 100
  server.maxRequestsPerSocket = 100_000
  server.setTimeout(60_000) // without traffic; also ends responses that the client does not read
  // Both kinds have the same settings and requests.
  return server as http.Server
}

export const speaksTls = (server: unknown): server is https.Server => server instanceof https.Server

/** Replaces the certificate for new connections. */
export function renewTls(server: http.Server, tls: NonNullable<ListenerSettings['tls']>): void {
  if (speaksTls(server)) server.setSecureContext(tlsOptions(tls))
}

const extended = new WeakSet<Duplex>()

/** Extends the time limit of the request on this socket to `ms`; call the result when the request is complete. */
export function allowTime(socket: Duplex, ms: number): () => void {
  extended.add(socket)
  const end = setTimeout(() => socket.destroy(), ms)
  return () => {
    extended.delete(socket)
    clearTimeout(end)
  }
}

const clientErrors: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** Responds to malformed and overdue requests. A connection that was opened in advance is closed without a response. */
export function respondToClientError({ code = '' }: { code?: string }, socket: Duplex): void {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && extended.has(socket)) return
  const isUnused = code === 'ERR_HTTP_REQUEST_TIMEOUT' && 'bytesRead' in socket && socket.bytesRead === 0
  if (code !== 'ECONNRESET' && socket.writable && !isUnused) {
    const status = clientErrors[code] ?? '400 Bad Request'
    const body = JSON.stringify({ type: 'about:blank', title: status.slice(4), status: Number.parseInt(status, 10) })
    socket.write(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${body.length}\r\nContent-Type: application/problem+json\r\n\r\n${body}`,
    )
  }
  socket.destroy()
}
