import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendProblem } from './problems.ts'

/**
 * Answers what no operation is there for, without a look at its body or its key: 405 where the path takes other methods, which `Allow`
 * names (RFC 9110 section 15.5.6), else 404. Routes that are registered before it are not known to it.
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
    sendProblem(reply, { status: 405, detail: `${shown(request)} takes ${allow}, and not ${request.method}` })
  })
  app.setNotFoundHandler(sendNotFound) // what a route itself does not find: a file of /docs
}

const sendNotFound = (request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(reply, { status: 404, detail: `there is no ${request.method} ${shown(request)}` })

const pathOf = ({ url }: FastifyRequest) => url.split(/[?#]/, 1)[0] ?? ''
const shown = (request: FastifyRequest) => pathOf(request).slice(0, 200)

/** `:name` is one step of a path, `*` the rest of it. */
const patternOf = (url: string) =>
  new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+').replaceAll('*', '.*')}$`)
