import { signal as createSignal } from '@preact/signals'
import { servicePath } from '../url/base.ts'
import { noResponse, ProblemError, readProblem } from './problem.ts'
import { signedInAgain } from './session.ts'

/** A header that pages of other origins cannot send: a cookie counts only with it. */
const ownHeader = { 'x-portwarden': 'console' }
/** The same for a request that no person has caused. */
const backgroundHeader = { 'x-portwarden': 'background' }

/** How much is being loaded: the code of a page, and requests for what it shows; the shell shows a bar after a while. */
export const loading = createSignal(0)

/** Counts work as loading until it ends. */
export async function countLoading<T>(work: Promise<T>): Promise<T> {
  loading.value++
  try {
    return await work
  } finally {
    loading.value--
  }
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON. */
  body?: unknown
  /** Sent as it is, instead of `body`. */
  content?: { type: string; data: Blob | string }
  headers?: Readonly<Record<string, string>>
  signal?: AbortSignal | undefined
  /** False: a 401 is a problem, not a reason to sign in and try again. */
  mayAskToSignIn?: boolean
}

/**
 * Calls the API. A 401 waits for a sign-in and repeats the call once. Throws ProblemError for every response that is no success,
 * and AbortError when the caller gives up.
 */
export async function call(path: string, options: Call = {}): Promise<Response> {
  const { method = 'GET', body, headers, signal = null, mayAskToSignIn = true } = options
  const { content = body === undefined ? undefined : { type: 'application/json', data: JSON.stringify(body) } } =
    options
  let response: Response
  try {
    response = await fetch(servicePath(path), {
      method,
      signal,
      body: content?.data ?? null,
      headers: { ...ownHeader, ...(content && { 'content-type': content.type }), ...headers },
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw noResponse()
  }
  if (response.ok || response.status === 304) return response
  if (response.status === 401 && mayAskToSignIn) {
    await signedInAgain({ isStepUp: isStepUp(response) })
    signal?.throwIfAborted()
    return call(path, { ...options, mayAskToSignIn: false })
  }
  throw await readProblem(response)
}

/** Whether a session is too old for a request (RFC 9470). */
const isStepUp = ({ headers }: Response): boolean =>
  headers.get('www-authenticate')?.includes('insufficient_user_authentication') ?? false

/** The newest bodies by path, with their ETags: an unchanged report is not sent again. */
const known = new Map<string, { etag: string; body: unknown }>()
const maxKnown = 60

type Reading = Pick<Call, 'signal'> & { isBackground?: boolean }

/** The JSON of a path. */
export const get = <T>(path: string, options: Reading = {}): Promise<T> => countLoading(read<T>(path, options))

async function read<T>(path: string, { signal, isBackground = false }: Reading): Promise<T> {
  const held = known.get(path)
  const headers = { ...(held && { 'if-none-match': held.etag }), ...(isBackground && backgroundHeader) }
  const response = await call(path, { signal, headers })
  if (response.status === 304 && held) return held.body as T
  const body: unknown = await response.json()
  const etag = response.headers.get('etag')
  known.delete(path)
  if (etag) known.set(path, { etag, body })
  const oldest = known.keys().next().value
  if (known.size > maxKnown && oldest !== undefined) known.delete(oldest)
  return body as T
}

/** A resource with its ETag, for `If-Match`. */
export interface Versioned<T> {
  value: T
  etag: string
}

/** The newest version of a resource. */
export const getVersioned = <T>(path: string): Promise<Versioned<T>> => countLoading(readVersioned<T>(path))

async function readVersioned<T>(path: string): Promise<Versioned<T>> {
  const response = await call(path)
  return { value: (await response.json()) as T, etag: response.headers.get('etag') ?? '' }
}

/** Forgets every response: the next person may see less. */
export const forgetResponses = (): void => known.clear()

/** Sends JSON, and returns the JSON of the response, or undefined for 204. */
export async function send<T = void>(
  method: Exclude<Call['method'], 'GET'>,
  path: string,
  body?: unknown,
  more?: Call,
) {
  const response = await call(path, { ...more, method, body })
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** Whether an error only says that a page was left. */
export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'

/** An error as a problem: what is no ProblemError is a defect of the console. */
export const asProblemError = (error: unknown): ProblemError =>
  error instanceof ProblemError
    ? error
    : new ProblemError({ status: 0, title: 'The console failed', detail: String(error) })
