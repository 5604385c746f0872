import type { FastifyInstance } from 'fastify'

/** What helmet sends for responses that are data: nothing in them may run, load, or be embedded. A test compares. */
export const securityHeaders = {
  'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
}

/** Of this host alone: subdomains may belong to others. */
export const transportSecurity = { 'strict-transport-security': 'max-age=31536000' }

/** For /docs, which has scripts, inline styles and `data:` images. */
export const docsPolicy = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
}

/** For the console below /ui/: its own scripts and styles, requests to this service, nothing inline, and no text that becomes code. */
export const consolePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join(';')

/** Adds the security headers; no CORS header allows other origins. */
export function secureHeaders(app: FastifyInstance, { overTls }: { overTls: boolean }): void {
  // RFC 6797 section 7.2: no Strict-Transport-Security over plain HTTP.
  const headers = overTls ? { ...securityHeaders, ...transportSecurity } : securityHeaders
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}
