import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify'
import { scanJson } from '../../../encoding/json-scan.ts'
import { runPaced } from '../../../runtime/pace.ts'

/** Values of a body whose route declares no other limit. */
const defaultMaxValues = 50_000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Values that a JSON body may have: objects, lists, strings, numbers and words. */
    maxValues?: number
  }
}

class MalformedError extends Error {
  readonly statusCode: number

  constructor(message: string, statusCode = 400) {
    super(message)
    this.statusCode = statusCode
  }
}

export const mergePatchType = 'application/merge-patch+json'

/** Whether the body is a JSON Merge Patch, RFC 7396. */
export const isMergePatch = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  headers['content-type']?.split(';')[0]?.trim().toLowerCase() === mergePatchType

/**
 * Parses JSON bodies strictly: rejects invalid UTF-8, prototype keys, deep nesting, too many values, and duplicate names,
 * which a gateway may read differently (RFC 8259 section 4).
 */
export function readBodies(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain']) // plain text is not accepted
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<Buffer>(
    ['application/json', mergePatchType],
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      if (isMergePatch(request) && request.method !== 'PATCH') throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE()
      if (body.length === 0) return undefined // some clients always send the type
      const text = readText(request, body)
      const { maxValues = defaultMaxValues } = request.routeOptions.config
      const jsonIssue = await runPaced(scanJson(text, maxValues))
      if (jsonIssue !== undefined) throw new MalformedError(`the body ${jsonIssue}`)
      return new Promise((resolve, reject) =>
        parse(request, text, (error, value) => (error ? reject(error) : resolve(value))),
      )
    },
  )
  app.addHook('preHandler', (request, _reply, done) => afterTurn(request, done))
}

/** Bytes of a body whose steps run in turns of their own. */
const largeBody = 64 * 1024

/** Continues directly, or in the next turn of the event loop if the body is large, so that other requests come between. */
export function afterTurn({ body, headers }: FastifyRequest, next: () => void): void {
  const isSmall = body === undefined || Number(headers['content-length']) <= largeBody
  if (isSmall) next()
  else setImmediate(next)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whether the headers declare uncompressed UTF-8. */
export const isUtf8 = ({ headers }: FastifyRequest): boolean =>
  (headers['content-encoding'] ?? 'identity') === 'identity' &&
  !/;\s*charset=(?!"?(?:utf-8|us-ascii)\b)/i.test(headers['content-type'] ?? '')

/** Decodes a body; throws unless it is UTF-8. */
export function readText(request: FastifyRequest, body: Buffer): string {
  if (!isUtf8(request)) throw new MalformedError('the body must be uncompressed UTF-8', 415)
  try {
    return utf8.decode(body)
  } catch {
    throw new MalformedError('the body must be well-formed UTF-8')
  }
}
