import type { buildServer } from '../../src/api/server.ts'

type Server = Pick<Awaited<ReturnType<typeof buildServer>>, 'inject'>
type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What a browser adds to the requests of a page of this service, and what the page adds. */
export const fromOwnPage = { 'sec-fetch-site': 'same-origin', 'x-portwarden': 'console' }

export interface Request {
  body?: unknown
  /** A header that is undefined is left out. */
  headers?: Record<string, string | undefined>
}

/** A browser with a page of the service: it keeps cookies, and sends the headers that browsers send. */
export function openBrowser(server: Server) {
  const cookies = new Map<string, string>()
  const call = async (method: Method, url: string, { body, headers = {} }: Request = {}) => {
    const all: Record<string, string | undefined> = {
      ...fromOwnPage,
      ...(cookies.size > 0 && { cookie: Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; ') }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    }
    const sent = Object.entries(all).filter((header): header is [string, string] => header[1] !== undefined)
    const response = await server.inject({
      method,
      url,
      headers: Object.fromEntries(sent),
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    for (const { name, value } of response.cookies) {
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const isJson = /[/+]json/.test(String(response.headers['content-type']))
    return {
      status: response.statusCode,
      headers: response.headers,
      setCookies: [response.headers['set-cookie'] ?? []].flat(),
      body: isJson ? response.json() : response.body,
    }
  }
  return {
    cookies,
    call,
    signIn: (key: string) => call('POST', '/session', { body: { key } }),
    signOut: () => call('DELETE', '/session'),
    status: async (url = '/v1/me', request: Request = {}) => (await call('GET', url, request)).status,
  }
}
