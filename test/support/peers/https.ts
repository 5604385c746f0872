import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { SecureVersion } from 'node:tls'
import type { Certificate } from '../certificates.ts'
import { listen } from '../listen.ts'
import { type At, asPeer, type Peer } from './peer.ts'
import { tlsCertificate } from './tls.ts'

interface HttpOptions extends At {
  status?: number
  headers?: Record<string, string>
}

export interface HttpsOptions extends HttpOptions {
  /** Default: self-signed. */
  certificate?: Certificate
  minVersion?: SecureVersion
  maxVersion?: SecureVersion
}

interface HttpPeer extends Peer {
  host: string
  port: number
  /** The requests so far: method, path and User-Agent. */
  requests: readonly { method: string; path: string; userAgent: string | undefined }[]
  openSockets: () => number
  /** The number of TCP connections so far. */
  accepted: () => number
}

export interface HttpsPeer extends HttpPeer {
  certificate: Certificate
}

/** A plain HTTP server of Node that gives every request the same response. */
export async function startHttp(options: HttpOptions = {}): Promise<HttpPeer> {
  const { requests, respond } = recording(options)
  return serve(http.createServer(respond), options, { requests })
}

/** The same over TLS; needs the openssl command for its certificate. */
export async function startHttps(options: HttpsOptions = {}): Promise<HttpsPeer> {
  const { requests, respond } = recording(options)
  const certificate = options.certificate ?? (await tlsCertificate('self-signed'))
  const { minVersion, maxVersion } = options
  const server = https.createServer({ cert: certificate.cert, key: certificate.key, minVersion, maxVersion }, respond)
  return serve(server, options, { requests, certificate })
}

/** An HTTP/2 server of Node that refuses HTTP/1.1 in ALPN; `onStream` responds instead of it. */
export async function startHttp2(
  options: HttpsOptions & { onStream?: (stream: http2.ServerHttp2Stream) => void; allowHttp1?: boolean } = {},
): Promise<HttpsPeer> {
  const { requests, respond } = recording(options)
  const certificate = options.certificate ?? (await tlsCertificate('self-signed'))
  const { cert, key } = certificate
  const server = http2.createSecureServer({ cert, key, allowHTTP1: options.allowHttp1 ?? false })
  if (options.onStream) server.on('stream', options.onStream)
  // Both APIs have what `respond` uses; with a handler of streams it serves HTTP/1.1 only.
  server.on('request', (request, response) => {
    if (options.onStream && request.httpVersionMajor === 2) return
    respond(request as unknown as http.IncomingMessage, response as unknown as http.ServerResponse)
  })
  return serve(server as unknown as http.Server, options, { requests, certificate })
}

function recording({ status = 200, headers = {} }: HttpOptions) {
  const requests: HttpPeer['requests'][number][] = []
  const respond: http.RequestListener = (request, response) => {
    requests.push({
      method: request.method ?? '',
      path: request.url ?? '',
      userAgent: request.headers['user-agent'],
    })
    response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end('peer\n')
  }
  return { requests, respond }
}

async function serve<Facts extends object>(server: http.Server, { host, port }: At, facts: Facts) {
  const { close, ...listening } = await listen(server, host, port)
  return asPeer({ ...facts, ...listening }, close)
}
