import pino, { type Logger } from 'pino'
import { buildServer } from '../../src/api/server.ts'
import { createAdminKey } from '../../src/operations/access/create-key.ts'
import { prepareCallbacks } from '../../src/operations/webhooks/callbacks.ts'
import { startTestApp, type TestApp } from './app.ts'

type Server = Awaited<ReturnType<typeof buildServer>>
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Call {
  /** A string is sent as is, any other value as JSON. */
  body?: unknown
  headers?: Record<string, string>
  /** Default: the key of the service. */
  key?: string | null
}

export interface ApiResponse {
  status: number
  headers: Record<string, string | undefined>
  // biome-ignore lint/suspicious/noExplicitAny: responses are untyped
  body: any
}

export interface TestService extends TestApp {
  server: Server
  key: string
  /** Calls an operation without a socket; a body that is not JSON is a string. */
  call(method: Method, url: string, call?: Call): Promise<ApiResponse>
  /** The pages of a listing, by following `next`. */
  walk(url: string): Promise<ApiResponse['body'][][]>
  /** Listens on loopback, on the port PORT of `env` or a free one, and returns the URL. */
  listen(): Promise<string>
}

/** The whole service with a key, on a new database; runs a worker by default. */
export async function startService({
  working = true,
  env = {},
  log = pino({ level: 'silent' }),
  consoleDirectory,
}: {
  working?: boolean
  env?: NodeJS.ProcessEnv
  log?: Logger
  /** Another build of the console. */
  consoleDirectory?: string
} = {}) {
  const app = await startTestApp(env)
  const { console } = app.serverParts
  const server = await buildServer({
    ...app.serverParts,
    version: '0.0.0-test',
    log,
    ...(console && consoleDirectory && { console: { ...console, directory: consoleDirectory } }),
  })
  const key = await createAdminKey(app, 'test')
  await prepareCallbacks(app.serverParts, (error) => {
    throw error
  })
  if (working) await app.work()

  const call = async (method: Method, url: string, { body, headers = {}, key: shown = key }: Call = {}) => {
    const isText = typeof body === 'string'
    const response = await server.inject({
      method,
      url,
      headers: {
        ...(shown === null ? {} : { authorization: `Bearer ${shown}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      payload: body === undefined || isText ? body : JSON.stringify(body),
    })
    const isJson = /[/+]json/.test(String(response.headers['content-type']))
    return {
      status: response.statusCode,
      headers: response.headers as ApiResponse['headers'],
      body: isJson ? response.json() : response.body,
    }
  }

  const service: TestService = {
    ...app,
    server,
    key,
    call,
    async walk(url) {
      const pages: ApiResponse['body'][][] = []
      for (let next: string | null = url; next !== null; ) {
        const { status, body } = await call('GET', next)
        if (status !== 200) throw new Error(`${next}: status ${status}: ${JSON.stringify(body)}`)
        pages.push(body.items)
        const following: URL = new URL(next, 'http://service')
        if (body.next !== null) following.searchParams.set('cursor', body.next)
        next = body.next === null ? null : following.pathname + following.search
      }
      return pages
    },
    listen: () => server.listen({ host: '127.0.0.1', port: Number(env.PORT ?? 0) }),
    async stop() {
      await server.close()
      await app.stop()
    },
  }
  return service
}
