import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Coding, codingFor } from './content-coding.ts'

/** Smaller responses are sent as they are. */
export const minBytes = 8 * 1024

/** Text, without event streams, whose events would wait in the compressor. */
const compressible = /^(text\/(?!event-stream)|application\/([\w.+-]*\+)?(json|xml|x-ndjson|yaml|x-yaml)\b)/

// A quarter of the processor time of the default levels, and 5 % more bytes.
const brotli = (sizeHint = 0) => ({
  params: { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_SIZE_HINT]: sizeHint },
})
const deflate = { level: 3 }

const compressWhole: Record<Coding, (body: Buffer) => Promise<Buffer>> = {
  br: (body) => promisify<Buffer, object, Buffer>(brotliCompress)(body, brotli(body.length)),
  gzip: (body) => promisify<Buffer, object, Buffer>(gzip)(body, deflate),
}
const createCompressor = { br: () => createBrotliCompress(brotli()), gzip: () => createGzip(deflate) }

/**
 * Compresses responses for clients that accept it. Not those with `Cache-Control: no-store`, which hold secrets: their length would
 * reveal them (BREACH). Must come after the ETags, which become those of the coding, and before what changes HEAD.
 */
export function compressResponses(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload: unknown) => {
    if (!isCompressible(reply, payload)) return payload
    reply.header('vary', [reply.getHeader('vary'), 'accept-encoding'].filter(Boolean).join(', '))
    const coding = codingFor(request)
    if (coding === undefined) return payload
    reply.header('content-encoding', coding).removeHeader('content-length')
    const etag = reply.getHeader('etag')
    if (typeof etag === 'string') reply.header('etag', etag.replace(/"$/, `-${coding}"`))
    if (!(payload instanceof Readable)) return compressWhole[coding](Buffer.from(payload as string | Buffer))
    if (request.method === 'HEAD') return payload
    // An error ends both: the client sees a response that is cut off.
    return pipeline(payload, createCompressor[coding](), () => {})
  })
}

function isCompressible(reply: FastifyReply, payload: unknown): boolean {
  if (reply.getHeader('content-encoding') !== undefined || reply.getHeader('cache-control') === 'no-store') return false
  if (!compressible.test(String(reply.getHeader('content-type') ?? ''))) return false
  if (payload instanceof Readable) return true
  return (typeof payload === 'string' || Buffer.isBuffer(payload)) && Buffer.byteLength(payload) > minBytes
}
