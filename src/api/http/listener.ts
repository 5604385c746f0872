import http, { type RequestListener } from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'

/** From where requests come, and how much of the machine they may hold. */
export interface ListenerSettings {
  /** PEM texts; without them it speaks HTTP in clear. */
  tls: { cert: string; key: string } | undefined
  /** Whether `X-Forwarded-For` is believed: its last entry is the proxy's own. */
  behindProxy: boolean
  /** Open connections; more are closed at once. */
  connections: number
}

/** TLS 1.2 is the oldest that is taken (RFC 9325). */
const tlsOptions = ({ cert, key }: NonNullable<ListenerSettings['tls']>) =>
  ({ cert, key, minVersion: 'TLSv1.2' }) as const

const socketOptions = {
  /** For the head of a request, then for the whole of it; an answer may take as long as it takes. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** How soon a request that is overdue is noticed. */
  connectionsCheckingInterval: 2_000,
  /** Longer than a proxy keeps a connection that it may use again, so that it is the proxy who closes it. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
}

/** The HTTP server below the API, with a limit on everything that a client can make it hold. */
export function createListener({ tls, connections }: ListenerSettings, answer: RequestListener): http.Server {
  const server = tls
    ? https.createServer({ ...socketOptions, ...tlsOptions(tls), handshakeTimeout: 10_000 }, answer)
    : http.createServer(socketOptions, answer)
  server.maxConnections = connections
  server.maxHeadersCount = 100
  server.maxRequestsPerSocket = 100_000
  server.setTimeout(60_000) // nothing sent and nothing received: an answer that is not read ends here too
  // A server for TLS takes the same settings, and its requests look the same to whoever answers them.
  return server as http.Server
}

export const speaksTls = (server: unknown): server is https.Server => server instanceof https.Server

/** New connections get this certificate; open ones keep theirs. */
export function renewTls(server: http.Server, tls: NonNullable<ListenerSettings['tls']>): void {
  if (speaksTls(server)) server.setSecureContext(tlsOptions(tls))
}

const patient = new WeakSet<Duplex>()

/** Lets the request that is on its way on this socket take longer than others, `ms` at the most; call the answer when it is there. */
export function allowTime(socket: Duplex, ms: number): () => void {
  patient.add(socket)
  const end = setTimeout(() => socket.destroy(), ms)
  return () => {
    patient.delete(socket)
    clearTimeout(end)
  }
}

const clientErrors: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** Answers what is no HTTP, or came too late. */
export function respondToClientError({ code = '' }: { code?: string }, socket: Duplex): void {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && patient.has(socket)) return
  if (code !== 'ECONNRESET' && socket.writable) {
    const what = clientErrors[code] ?? '400 Bad Request'
    const body = JSON.stringify({ type: 'about:blank', title: what.slice(4), status: Number.parseInt(what, 10) })
    socket.write(
      `HTTP/1.1 ${what}\r\nConnection: close\r\nContent-Length: ${body.length}\r\nContent-Type: application/problem+json\r\n\r\n${body}`,
    )
  }
  socket.destroy()
}
