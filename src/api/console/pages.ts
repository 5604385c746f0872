import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { codingFor } from '../http/content-coding.ts'
import { names } from '../http/etags.ts'
import { sendProblem } from '../http/problems.ts'
import { consolePolicy } from '../http/security-headers.ts'
import { type ConsoleFile, hashedFolder, readConsole } from './files.ts'

interface Settings {
  /** The folder with the built console. */
  directory: string
  /** The path of the service at its public URL. */
  pathPrefix: string
}

/** Serves the built console below /ui/ from memory. It holds no data, so it needs no key. */
export function serveConsole(app: FastifyInstance, { directory, pathPrefix }: Settings): void {
  const built = readConsole(directory, pathPrefix)
  const hide = { schema: { hide: true } }

  app.get('/', hide, async (_request, reply) => reply.redirect('/ui/'))
  app.get('/ui', hide, async (_request, reply) => reply.redirect('/ui/'))
  app.get<{ Params: { '*': string } }>('/ui/*', hide, async (request, reply) => {
    const path = request.params['*']
    if (!built) return sendProblem(reply, { status: 503, detail: 'the console is not built: run npm run build' })
    const file = built.files.get(path)
    if (file) return send(request, reply, file)
    // A page of an older version requests its scripts: it needs an error, not the shell.
    if (path.startsWith(hashedFolder)) return sendProblem(reply, { status: 404, detail: `there is no /ui/${path}` })
    return send(request, reply, built.shell)
  })
}

function send(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): FastifyReply {
  const coding = codingFor(request)
  const coded = coding && file.coded[coding]
  reply
    .header('content-security-policy', consolePolicy)
    .header('cache-control', file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    .header('vary', 'accept-encoding')
    .header('etag', coded ? `"${file.etag}-${coding}"` : `"${file.etag}"`)
  if (names(request.headers['if-none-match'] ?? '', `"${file.etag}"`)) return reply.code(304).send()
  if (coded) reply.header('content-encoding', coding)
  return reply.type(file.type).send(coded ?? file.plain)
}
