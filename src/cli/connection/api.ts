import { Option } from 'commander'
import { readSecret } from '../../config/env.ts'
import { SetupError } from '../../domain/errors.ts'
import { type PageUrls, pageUrls } from '../../report/page-urls.ts'
import { UsageError } from '../command.ts'
import { readServer } from './server-url.ts'

/** A service that a command works with, over its API: one that runs elsewhere, or one that lives as long as the command. */
export interface Service {
  /** Its pages for people. */
  pages: PageUrls
  /** Waits for the traces of an ended audit, where they are made in this process. */
  awaitTraces(auditId: string): Promise<void>
  /** Resolves for 2xx; throws what the problem says otherwise. `path` begins with /v1/. */
  call(path: string, options?: CallOptions): Promise<Response>
  /** `call` whose response is JSON. */
  json<T>(path: string, options?: CallOptions): Promise<T>
  /** `json`; undefined for 404. */
  find<T>(path: string): Promise<T | undefined>
  /** Every item of a listing. */
  items<T>(path: string): AsyncGenerator<T>
}

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON, unless it is a text with a media type. */
  body?: unknown
  type?: string
  headers?: Record<string, string>
}

/** The option of every command that can work with a service elsewhere. */
export const serverOption = () =>
  new Option(
    '--server <url>',
    'use the service at this URL with the key in PORTWARDEN_KEY or PORTWARDEN_KEY_FILE, instead of the embedded database',
  ).argParser(readServer)

/** For a command that works with no service: says why. */
export const noServerOption = (reason: string) =>
  new Option('--server <url>').hideHelp().argParser(() => {
    throw new UsageError(`this command takes no --server: ${reason}`)
  })

/** Uses the service at `server`, or one in this process that works as `local` says; it ends with `work`. */
export async function withService<T>(
  { server }: { server?: URL },
  local: { probe: boolean; signal?: AbortSignal },
  work: (service: Service) => Promise<T>,
): Promise<T> {
  if (server)
    return await work({
      ...connect(server, readKey(process.env)),
      pages: pageUrls(server.href.replace(/\/$/, '')),
      awaitTraces: async () => {}, // a reader of the finding sees them once they are there
    })
  const { openLocalService } = await import('./in-process.ts')
  await using own = await openLocalService(local)
  const { url, key, ...rest } = own
  return await work({ ...connect(url, key), ...rest })
}

function readKey(env: NodeJS.ProcessEnv): string {
  const key = readSecret(env, 'PORTWARDEN_KEY')
  if (key === undefined || !/^[\x21-\x7e]+$/.test(key))
    throw new UsageError('--server needs a key: set PORTWARDEN_KEY, or PORTWARDEN_KEY_FILE to its file')
  return key
}

/** Calls the API at `base` with a key. */
export function connect(base: URL, key: string): Omit<Service, 'pages' | 'awaitTraces'> {
  const root = base.href.replace(/\/$/, '')
  async function send(path: string, { method = 'GET', body, type, headers }: CallOptions = {}): Promise<Response> {
    const isText = type !== undefined
    const init = {
      method,
      redirect: 'error' as const, // it would take the key elsewhere
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': type ?? 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isText ? String(body) : JSON.stringify(body) }),
    }
    return fetch(root + path, init).catch((error: Error) => {
      const cause = error.cause instanceof Error ? error.cause.message : error.message
      throw new SetupError(`the service at ${base.origin} does not respond: ${cause}`)
    })
  }
  const call = async (path: string, options?: CallOptions) => checked(await send(path, options))
  const json = async <T>(path: string, options?: CallOptions) => (await (await call(path, options)).json()) as T
  return {
    call,
    json,
    async find<T>(path: string) {
      const response = await send(path)
      if (response.status !== 404) return (await (await checked(response)).json()) as T
      await response.body?.cancel()
      return undefined
    },
    async *items<T>(path: string) {
      for (let next: string | null = ''; next !== null; ) {
        const separator = path.includes('?') ? '&' : '?'
        const page: { items: T[]; next: string | null } = await json(
          next === '' ? path : `${path}${separator}cursor=${encodeURIComponent(next)}`,
        )
        yield* page.items
        next = page.next
      }
    },
  }
}

/** A problem of RFC 9457 as the API sends it. */
interface Problem {
  title?: string
  detail?: string
  errors?: { pointer: string; detail: string }[]
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response
  const problem = (await response.json().catch(() => ({}))) as Problem
  const { title = response.statusText, detail = '', errors = [] } = problem
  const isOne = errors.some((error) => [error.detail, `${error.pointer} ${error.detail}`].includes(detail))
  const issues = errors.map((error) => `${error.pointer === '' ? '' : `${error.pointer}: `}${error.detail}`)
  const text = [...(isOne ? [] : [detail || title]), ...issues].join('\n  ')
  if (response.status === 422 || response.status === 400) throw new UsageError(text)
  throw new SetupError(`${response.status} ${text}`)
}
