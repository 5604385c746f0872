import {
  type Agent,
  type AgentOptions,
  type ClientRequest,
  type ClientRequestArgs,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Attempt } from '../../../domain/webhooks/delivery-policy.ts'
import { escapeControls } from '../../../encoding/text.ts'

/** The way out: connects to addresses that were checked, and to nothing else. Throws an Error with a reason. */
export type Connect = (host: string, port: number) => Promise<{ socket: Socket; loopback: boolean }>

interface PosterOptions {
  connect: Connect
  /** For one request, from its start to the end of the answer's head. */
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
  /** Posts once. Never throws: what went wrong is in the attempt. Redirects are not followed, bodies are not read. */
  post(post: Post): Promise<Attempt>
  close(): void
}

// As much of an answer is read so that its connection can be used again; a longer one costs its connection.
const drainedBytes = 64 * 1024
const idleMs = 10_000

export function createPoster({ connect, timeoutMs, plainHttp, ca }: PosterOptions): Poster {
  const options: AgentOptions = { keepAlive: true, timeout: idleMs }
  const plain = dialWith(new HttpAgent(options), async ({ host, port }) => {
    const { socket, loopback } = await connect(String(host), Number(port))
    if (loopback || plainHttp) return socket
    socket.destroy()
    throw new Error('plain-http')
  })
  const encrypted = dialWith(new HttpsAgent(options), async ({ host, port }) => {
    const { socket } = await connect(String(host), Number(port))
    const servername = isIP(String(host)) === 0 ? String(host) : ''
    // A list of authorities replaces those of the system, unless it names them too.
    return connectTls({ socket, servername, host: String(host), ...(ca && { ca }), ALPNProtocols: ['http/1.1'] })
  })

  const send = (target: URL, headers: Record<string, string>): ClientRequest =>
    target.protocol === 'http:'
      ? requestHttp(target, { method: 'POST', headers, agent: plain })
      : requestHttps(target, { method: 'POST', headers, agent: encrypted })

  /** Sends once more what met a connection that was just being closed, on a new one. */
  const exchange = async (post: Post, signal: AbortSignal): Promise<Answer> => {
    for (;;) {
      const request = send(new URL(post.url), lengthOf(post.body, post.headers))
      try {
        return await answerOf(request, post.body, signal)
      } catch (error) {
        if (!request.reusedSocket || !isCut(error)) throw error
      }
    }
  }

  return {
    async post(post) {
      const startedAt = performance.now()
      const { signal, stop } = timeLimit(timeoutMs)
      try {
        const answer = await exchange(post, signal)
        return { ...answer, durationMs: performance.now() - startedAt }
      } catch (error) {
        return { status: null, error: reasonOf(error), durationMs: performance.now() - startedAt }
      } finally {
        stop()
      }
    },
    close() {
      plain.destroy()
      encrypted.destroy()
    },
  }
}

type Answer = Omit<Attempt, 'durationMs'>

function timeLimit(ms: number): { signal: AbortSignal; stop: () => void } {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error('timeout')), ms)
  return { signal: limit.signal, stop: () => clearTimeout(timer) }
}

function answerOf(request: ClientRequest, body: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const giveUp = () => request.destroy(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    request.on('error', reject)
    request.once('response', (response) => {
      signal.removeEventListener('abort', giveUp)
      drain(response)
      const status = response.statusCode ?? 0
      const after = Number(response.headers['retry-after'])
      resolve({
        status,
        error: status >= 200 && status < 300 ? null : `answered ${status}`,
        ...(after > 0 && { retryAfterSeconds: after }),
      })
    })
    if (signal.aborted) giveUp()
    else request.end(body)
  })
}

function drain(response: IncomingMessage): void {
  let left = drainedBytes
  const late = setTimeout(() => response.destroy(), idleMs)
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) response.destroy()
  })
  response.on('error', () => {}) // the answer is what its head says
  response.once('close', () => clearTimeout(late))
}

const isCut = (error: unknown) => error instanceof Error && 'code' in error && cutCodes.has(String(error.code))
const cutCodes = new Set(['ECONNRESET', 'EPIPE'])

const lengthOf = (body: string, headers: Record<string, string>) => ({
  ...headers,
  'content-type': 'application/json',
  'content-length': String(Buffer.byteLength(body)),
})

type Dial = (options: ClientRequestArgs) => Promise<Duplex>

/** Makes an agent open its connections by `dial`. */
function dialWith<A extends Agent>(agent: A, dial: Dial): A {
  agent.createConnection = (options, callback) => {
    dial(options).then(
      (socket) => {
        socket.resume() // it was held before it connected
        callback?.(null, socket)
      },
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    )
    return undefined as unknown as Duplex
  }
  return agent
}

const longestReason = 200

/** A sentence of one line: what the receiver sends is not in it, but a certificate's names may be. */
const reasonOf = (error: unknown): string =>
  escapeControls((error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' '), longestReason)
