import http, { type RequestListener } from 'node:http'
import https from 'node:https'

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

/** New connections get this certificate; open ones keep theirs. */
export function renewTls(server: http.Server, tls: NonNullable<ListenerSettings['tls']>): void {
  if (server instanceof https.Server) server.setSecureContext(tlsOptions(tls))
}
