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
export const isBackground = ({ headers }: Request): boolean => headers[ownHeader] === 'background'

export const ownHeaderNeeded = `send the header ${ownHeader}: console`

const hostCookie = '__Host-portwarden'
/** For browsers that refuse `Secure` over plain HTTP, also on loopback. */
const plainCookie = 'portwarden'
const attributes = 'HttpOnly; SameSite=Strict; Path=/'

/** Names and attributes of the cookie of a session. Without TLS the service listens on loopback alone. */
const cookiesFor = (overTls: boolean) =>
  overTls
    ? [[hostCookie, '; Secure']]
    : ([
        [hostCookie, '; Secure'],
        [plainCookie, ''],
      ] as const)

/** The secret of the session; undefined if there is none. */
export function readSessionCookie({ headers }: Request, overTls: boolean): string | undefined {
  for (const [name] of cookiesFor(overTls)) {
    const [, secret] = new RegExp(`(?:^|; ?)${name}=([\\w-]{43})(?:;|$)`).exec(headers.cookie ?? '') ?? []
    if (secret !== undefined) return secret
  }
  return undefined
}

/** Sets the cookie until the browser closes, or removes it. */
export function setSessionCookie(reply: FastifyReply, secret: string | undefined, overTls: boolean): void {
  const end = secret === undefined ? '; Max-Age=0' : ''
  for (const [name, secure] of cookiesFor(overTls))
    reply.header('set-cookie', `${name}=${secret ?? ''}; ${attributes}${secure}${end}`)
}
