import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import fastify, { type FastifyInstance } from 'fastify'

/** An answer is data: nothing in it may run, load, or be shown inside another page. */
const options = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
  },
  crossOriginEmbedderPolicy: true,
  frameguard: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
} satisfies FastifyHelmetOptions

/** Of this name alone: what runs on the names below is not ours to decide. */
const transport = { maxAge: 31_536_000, includeSubDomains: false }

/** The page at /docs runs its own scripts, and shows its images from `data:`; its styles stand in its elements. */
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

/**
 * Every answer carries the headers that keep a browser from doing anything with it but showing it. No origin is allowed (CORS).
 * They are the same for every answer, so helmet is asked once: asked each time it takes as long as a cheap answer. Where answers
 * go in clear, nothing is said of TLS (RFC 6797 section 7.2).
 */
export async function secureHeaders(app: FastifyInstance, { overTls }: { overTls: boolean }): Promise<void> {
  const headers = await headersOfHelmet({ ...options, strictTransportSecurity: overTls && transport })
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}

async function headersOfHelmet(options: FastifyHelmetOptions): Promise<Record<string, string>> {
  const model = fastify()
  await model.register(helmet, options)
  model.get('/', async (_request, reply) => reply.send())
  const { headers } = await model.inject('/')
  await model.close()
  const own = new Set(['content-length', 'date', 'connection'])
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (own.has(name) ? [] : [[name, `${value}`]])),
  )
}
