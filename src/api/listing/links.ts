import type { FastifyReply } from 'fastify'

/** Adds a Link header to the next page (RFC 8288). */
export function linkNext<P extends { next: string | null }>(reply: FastifyReply, url: string, page: P): P {
  if (page.next !== null) {
    const next = new URL(url, 'http://service')
    next.searchParams.set('cursor', page.next)
    reply.header('link', `<${next.pathname}${next.search}>; rel="next"`)
  }
  return page
}
