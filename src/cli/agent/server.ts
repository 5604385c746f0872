import http from 'node:http'
import https from 'node:https'

/** How an agent speaks to its server: one request, one answer in JSON. */
export interface Server {
  /** Rejects with UnreachableError where no answer came; a status is an answer. */
  post(path: string, body: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<Answer>
  close(): void
}

export interface Answer {
  status: number
  body: unknown
}

/** The server did not answer, or what came was no answer of it. */
export class UnreachableError extends Error {}

interface ServerOptions {
  /** `https:`, or `http:` to this machine. */
  url: URL
  key: string
  /** PEM certificates; with them no other authority is trusted. */
  ca?: string
  /** Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read. */
  env: NodeJS.ProcessEnv
}

const maxResponseBytes = 64 * 1024 * 1024

/** Connects to the API of a service. Its certificate is always verified, whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
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
        const place = new URL(path.replace(/^\//, ''), `${url.href.replace(/\/$/, '')}/`)
        request(place, { method: 'POST', agent, headers, signal: ended }, (response) =>
          readResponse(response).then(resolve, fail),
        )
          .on('error', fail)
          .end(text)
      }),
    close: () => agent.destroy(),
  }
}

async function readResponse(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxResponseBytes) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString()
  const isJson = /\bjson\b/.test(response.headers['content-type'] ?? '')
  return { status: response.statusCode ?? 0, body: isJson && text !== '' ? JSON.parse(text) : undefined }
}
