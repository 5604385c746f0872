import { isIP, type Socket } from 'node:net'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { Agent, type Dispatcher, errors } from 'undici'
import type { Attempt } from '../../../domain/webhooks/delivery-policy.ts'
import { escapeControls } from '../../../encoding/text.ts'
import { namesHost } from '../../../probes/tls/certificate/certificate.ts'

/** Connects to allowed addresses; throws with a reason. */
export type Connect = (host: string, port: number) => Promise<{ socket: Socket; loopback: boolean }>

interface PosterOptions {
  connect: Connect
  /** For one request, from its start to the end of the head of the response. */
  timeoutMs: number
  /** Whether plain HTTP may leave this machine. */
  plainHttp: boolean
  /** Authorities besides those of the system, PEM. */
  ca?: string
}

interface Post {
  url: string
  headers: Record<string, string>
  body: string
}

export interface Poster {
  /**
   * Posts once. Never throws, and settles within the timeout: the attempt holds the failure. Redirects are not followed,
   * upgrades are not taken, bodies are not read.
   */
  post(post: Post): Promise<Attempt>
  /** Connects, with the TLS handshake, and sends nothing. Returns why that fails, or undefined. */
  reach(url: string): Promise<string | undefined>
  close(): Promise<void>
}

/** A short body is read so that its connection can serve again; a longer one costs its connection. */
const drainedBytes = 64 * 1024
const idleMs = 10_000

export function createPoster({ connect, timeoutMs, plainHttp, ca }: PosterOptions): Poster {
  const open = async ({ protocol, hostname, port }: Target): Promise<Socket> => {
    const isPlain = protocol === 'http:'
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const { socket, loopback } = await connect(host, Number(port) || (isPlain ? 80 : 443))
    if (isPlain && !loopback && !plainHttp) {
      socket.destroy()
      throw new Error('plain-http')
    }
    socket.resume() // the dialler holds it before it connects
    return isPlain ? socket : secure(socket, { host, ca })
  }
  const agent = new Agent({
    connect: (target, done) => {
      open(target as Target).then(
        (socket) => done(null, socket),
        (error: Error) => done(error, null),
      )
    },
    allowH2: false,
    keepAliveTimeout: idleMs,
    headersTimeout: timeoutMs,
    bodyTimeout: idleMs,
    maxResponseSize: -1,
  })

  /** Sends once more, at most, if the receiver was just closing a connection that had served before. */
  const exchange = async (post: Post, signal: AbortSignal): Promise<Response> => {
    try {
      return await send(agent, post, signal)
    } catch (error) {
      if (!isStale(error) || signal.aborted) throw error
      return send(agent, post, signal)
    }
  }

  return {
    async post(post) {
      const startedAt = performance.now()
      const limit = new AbortController()
      const timer = setTimeout(() => limit.abort(new Error('timeout')), timeoutMs)
      try {
        const response = await exchange(post, limit.signal)
        return { ...response, durationMs: performance.now() - startedAt }
      } catch (error) {
        return { status: null, error: reasonOf(error), durationMs: performance.now() - startedAt }
      } finally {
        clearTimeout(timer)
      }
    },
    async reach(url) {
      const opened = open(new URL(url)).then((socket) => void socket.destroy())
      const timer = new AbortController()
      const timeout = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() =>
        Promise.reject(new Error('timeout')),
      )
      try {
        await Promise.race([opened, timeout])
        return undefined
      } catch (error) {
        return reasonOf(error)
      } finally {
        timer.abort()
        await Promise.allSettled([timeout])
      }
    },
    close: () => agent.destroy(),
  }
}

interface Target {
  protocol: string
  hostname: string
  port: string
}

/** Resolves once the certificate is verified. */
function secure(socket: Socket, { host, ca }: { host: string; ca: string | undefined }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const servername = isIP(host) === 0 ? host : ''
    // A list replaces the authorities of the system.
    const secured: TLSSocket = connectTls({
      socket,
      servername,
      ...(ca && { ca }),
      ALPNProtocols: ['http/1.1'],
      checkServerIdentity: () => identityError(secured, host),
    })
    // Node calls it for checkServerIdentity, and dies where an authority has a curve without a NIST name (24.21).
    secured.getPeerCertificate = () => ({}) as DetailedPeerCertificate
    secured.once('error', reject).once('secureConnect', () => {
      secured.off('error', reject)
      resolve(secured)
    })
    secured.once('close', () => reject(new Error('closed during the TLS handshake')))
  })
}

function identityError(socket: TLSSocket, host: string): Error | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (certificate && namesHost(certificate, host)) return undefined
  const names = certificate?.subjectAltName ?? certificate?.subject
  return new Error(`the certificate does not name the host ${host}, but ${names}`)
}

type Response = Omit<Attempt, 'durationMs'>

async function send(agent: Agent, { url, headers, body }: Post, signal: AbortSignal): Promise<Response> {
  const { origin, pathname, search } = new URL(url)
  const request: Dispatcher.RequestOptions = {
    origin,
    path: `${pathname}${search}`,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
    signal,
  }
  const { statusCode, headers: responseHeaders, body: rest } = await agent.request(request)
  await rest.dump({ limit: drainedBytes, signal }).catch(() => {}) // the head decides; the body may break off
  await immediate() // the connection counts as busy until then, and another would be opened
  const after = retryAfterSeconds(responseHeaders['retry-after'], Date.now())
  return {
    status: statusCode,
    error: statusCode >= 200 && statusCode < 300 ? null : `responded ${statusCode}`,
    ...(after !== undefined && { retryAfterSeconds: after }),
  }
}

/** Seconds or an HTTP date (RFC 9110, section 10.2.3); undefined for anything else, and for the past. */
function retryAfterSeconds(value: string | string[] | undefined, now: number): number | undefined {
  if (typeof value !== 'string') return undefined
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - now) / 1_000)
  return seconds > 0 ? seconds : undefined
}

/** Whether the connection may have served an earlier request, and was cut before the response to this one. */
const isStale = (error: unknown): boolean =>
  error instanceof errors.SocketError
    ? (error.socket?.bytesRead ?? 0) > 0 && error.message !== 'bad upgrade'
    : error instanceof Error && 'code' in error && error.code === 'EPIPE'

const longestReason = 200

/** One line, without what the receiver sent; the names of a certificate may be in it. */
const reasonOf = (error: unknown): string =>
  escapeControls((error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' '), longestReason)
