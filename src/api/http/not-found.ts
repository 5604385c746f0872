import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { truncate } from '../../encoding/text.ts'
import { patchTypes } from './bodies/patches.ts'
import { sendProblem } from './problems.ts'

/**
 * Rejects unknown paths before bodies and keys are read: 405 with `Allow` when the path has other methods (RFC 9110 section
 * 15.5.6), else 404. Covers the routes that are registered after it.
 */
export function respondToUnknownPaths(app: FastifyInstance): void {
  const routes: { path: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => void routes.push({ path: patternOf(url), methods: [method].flat() }))

  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const path = pathOf(request)
    const methods = routes.flatMap((route) => (route.path.test(path) ? route.methods : []))
    if (methods.length === 0) return void sendNotFound(request, reply)
    const allow = [...new Set(methods)].join(', ')
    reply.header('allow', allow)
    if (methods.includes('PATCH')) reply.header('accept-patch', patchTypes)
    sendProblem(reply, { status: 405, detail: `${shown(request)} accepts ${allow}, not ${request.method}` })
  })
  app.setNotFoundHandler(sendNotFound) // for missing files of /docs
}

const sendNotFound = (request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(reply, { status: 404, detail: `there is no ${request.method} ${shown(request)}` })

const pathOf = ({ url }: FastifyRequest) => url.replace(/[?#].*$/s, '')
const shown = (request: FastifyRequest) => truncate(pathOf(request), 200)

/** `:name` matches one step of a path, `*` the rest. */
const patternOf = (url: string) =>
  new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+').replaceAll('*', '.*')}$`)
