import type { FastifyInstance } from 'fastify'

/**
 * Removes the prefix of a proxy that passes paths on unchanged, also from an absolute URL (RFC 9112 section 3.2.2); a proxy may also
 * remove it itself. `*` (section 3.2.4) becomes a path that no route has: the router takes any first character for a slash.
 */
export const withoutPrefix =
  (prefix: string) =>
  ({ url = '/' }: { url?: string }): string => {
    if (!/^(\/|https?:)/i.test(url)) return `/${url}`
    if (prefix === '') return url
    if (pathOf(url) === prefix) return '/'
    return pathOf(url).startsWith(`${prefix}/`) ? pathOf(url).slice(prefix.length) : url
  }

const pathOf = (url: string) => url.replace(/^https?:\/\/[^/?#]*/i, '')

/** Adds the prefix to the paths in `Location` and `Link`. */
export function addPrefix(app: FastifyInstance, prefix: string): void {
  if (prefix === '') return
  app.addHook('onSend', async (_request, reply) => {
    const { location, link } = reply.getHeaders()
    if (typeof location === 'string' && location.startsWith('/')) reply.header('location', prefix + location)
    if (typeof link === 'string') reply.header('link', link.replace(/^<\//, `<${prefix}/`))
  })
}
