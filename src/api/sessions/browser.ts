import type { FastifyReply, FastifyRequest } from 'fastify'

/** The header that a page of this service adds; pages of other origins cannot (it makes their requests preflighted). */
const ownHeader = 'x-portwarden'

type Request = Pick<FastifyRequest, 'headers' | 'method'>

/**
 * Whether a page of this origin sent the request: browsers set `Sec-Fetch-Site`, and no page can change it. `publicOrigin` is where a
 * proxy publishes the service, in case the proxy changes `Host`.
 */
export function isSameOrigin({ headers }: Request, publicOrigin: string | undefined): boolean {
  if (headers['sec-fetch-site'] !== 'same-origin') return false
  const { origin, host } = headers
  return origin === undefined || origin === publicOrigin || /^https?:\/\/(.+)$/.exec(origin)?.[1] === host
}

export const isSafe = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD'

/** Whether it carries the header that requests which change something need. */
export const hasOwnHeader = ({ headers }: Request): boolean => headers[ownHeader] !== undefined

/** A request that a page repeats by itself does not keep a session alive. */
export const isBackground = ({ headers, routeOptions }: Pick<FastifyRequest, 'headers' | 'routeOptions'>): boolean =>
  headers[ownHeader] === 'background' || routeOptions.config.background === true

export const ownHeaderNeeded = `send the header ${ownHeader}: console`

/** The cookie of a session, and the one that holds a sign-in at an issuer until the browser comes back from there. */
const cookies = {
  session: { name: 'portwarden', attributes: 'HttpOnly; SameSite=Strict; Path=/' },
  // The browser comes back from another site.
  pending: { name: 'portwarden-sign-in', attributes: 'HttpOnly; SameSite=Lax; Path=/; Max-Age=600' },
} as const
type Cookie = keyof typeof cookies

/**
 * The names of a cookie, and what else they need. Without TLS the service listens on loopback alone, where some browsers refuse
 * `Secure`.
 */
function variantsOf(cookie: Cookie, overTls: boolean) {
  const { name } = cookies[cookie]
  const secure = { name: `__Host-${name}`, secure: '; Secure' }
  return overTls ? [secure] : [secure, { name, secure: '' }]
}

/** The value of a cookie; undefined if there is none. */
export function readCookie(
  { headers }: Pick<Request, 'headers'>,
  cookie: Cookie,
  overTls: boolean,
): string | undefined {
  for (const { name } of variantsOf(cookie, overTls)) {
    const [, value] = new RegExp(`(?:^|; ?)${name}=([\\w-]+)(?:;|$)`).exec(headers.cookie ?? '') ?? []
    if (value !== undefined) return value
  }
  return undefined
}

/** Sets a cookie, or removes it. That of a session lasts until the browser closes. */
export function setCookie(reply: FastifyReply, cookie: Cookie, value: string | undefined, overTls: boolean): void {
  const end = value === undefined ? '; Max-Age=0' : ''
  for (const { name, secure } of variantsOf(cookie, overTls))
    reply.header('set-cookie', `${name}=${value ?? ''}; ${cookies[cookie].attributes}${secure}${end}`)
}
