import http from 'node:http'
import https from 'node:https'

export interface Server {
  /** Resolves for every status; rejects with UnreachableError without one. */
  post(path: string, body: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<ServerResponse>
  close(): void
}

export interface ServerResponse {
  status: number
  body: unknown
}

/** The server sent no response, or an unreadable one. */
export class UnreachableError extends Error {}

interface ServerOptions {
  /** `https:`, or `http:` to this machine. */
  url: URL
  key: string
  /** PEM certificates, the only trusted authorities when set. */
  ca?: string
  /** The source of HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  env: NodeJS.ProcessEnv
}

const maxResponseBytes = 64 * 1024 * 1024

/** Connects to the API of a service; verifies its certificate even with NODE_TLS_REJECT_UNAUTHORIZED=0. */
export function connectToServer({ url, key, ca, env }: ServerOptions): Server {
  const options = { keepAlive: true, proxyEnv: env }
  const agent =
    url.protocol === 'https:' ? new https.Agent({ ...options, ca, rejectUnauthorized: true }) : new http.Agent(options)
  const { request } = url.protocol === 'https:' ? https : http
  return {
    post: (path, body, { timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        const ended = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])])
        const fail = (error: Error) => reject(new UnreachableError(error.message, { cause: error }))
        const text = JSON.stringify(body)
        const headers = {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        }
        const target = new URL(path.replace(/^\//, ''), `${url.href.replace(/\/$/, '')}/`)
        request(target, { method: 'POST', agent, headers, signal: ended }, (response) =>
          readResponse(response).then(resolve, fail),
        )
          .on('error', fail)
          .end(text)
      }),
    close: () => agent.destroy(),
  }
}

async function readResponse(response: http.IncomingMessage): Promise<ServerResponse> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxResponseBytes) throw new Error(`the response has more than ${maxResponseBytes} bytes`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString()
  const isJson = /\bjson\b/.test(response.headers['content-type'] ?? '')
  return { status: response.statusCode ?? 0, body: isJson && text !== '' ? JSON.parse(text) : undefined }
}
