import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'
import { listen } from './listen.ts'
import { patienceMs } from './ports.ts'

/** A received request. */
export interface Received {
  path: string
  headers: IncomingHttpHeaders
  /** The signed text. */
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies as receivers do, without types
  body: any
}

/** The response to a request: a status, or undefined to hang. */
type Behaviour = (received: Received, response: ServerResponse) => number | undefined

export interface Receiver extends AsyncDisposable {
  url: string
  /** All requests in order. */
  received: Received[]
  /** Sets the response to later requests. */
  behave(behaviour: Behaviour): void
  /** Resolves once this many requests arrived in total. */
  came(count: number): Promise<Received[]>
  close(): Promise<void>
}

/** A webhook receiver on loopback, HTTPS with a certificate; responds with 204 by default. */
export async function startReceiver(tls?: { cert: string; key: string }, port = 0): Promise<Receiver> {
  const received: Received[] = []
  let behaviour: Behaviour = () => 204
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request)
    const one = { path: request.url ?? '', headers: request.headers, text: body, body: JSON.parse(body) }
    const status = behaviour(one, response)
    received.push(one)
    server.emit('received')
    if (status !== undefined) response.writeHead(status).end()
  }
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    take(request, response).catch(() => response.destroy()) // the request was interrupted
  }
  const server = tls ? createSecureServer(tls, handle) : createServer(handle)
  const { port: bound, close } = await listen(server, '127.0.0.1', port)
  return {
    url: `${tls ? 'https' : 'http'}://localhost:${bound}/hooks`,
    received,
    behave(next) {
      behaviour = next
    },
    async came(count) {
      while (received.length < count) await once(server, 'received', { signal: AbortSignal.timeout(patienceMs) })
      return received
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Returns the event; throws unless the signature matches this secret. */
export const verify = (secret: string, { headers, text: signed }: Received) =>
  new Webhook(secret).verify(signed, headers as Record<string, string>) as Received['body']
