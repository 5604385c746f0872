import { randomUUID } from 'node:crypto'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify from 'fastify'
import { serveConsole } from './console/pages.ts'
import type { ServerParts, View } from './context.ts'
import { requireKey } from './http/auth.ts'
import { advertisePatches } from './http/bodies/patches.ts'
import { readBodies } from './http/bodies/strict-json.ts'
import { compressResponses } from './http/compression.ts'
import { drainBeforeClosing } from './http/drain.ts'
import { registerEtags } from './http/etags.ts'
import { serveHeadRequests } from './http/head-requests.ts'
import { requireOneMeaning } from './http/host-header.ts'
import { createListener, respondToClientError } from './http/listener.ts'
import { respondToUnknownPaths } from './http/not-found.ts'
import { createTokenReader } from './http/oidc.ts'
import { registerProblems, respondToFrameworkError } from './http/problems.ts'
import { RequestLog, sharedLog } from './http/request-log.ts'
import { secureHeaders } from './http/security-headers.ts'
import { traceRequests } from './http/traces.ts'
import { schemaCompiler } from './http/validation.ts'
import { shareConnections } from './limits/connections.ts'
import { createQuotas, limitStreams } from './limits/quotas.ts'
import { limitRequests } from './limits/rate-limits.ts'
import { addPrefix, withoutPrefix } from './listing/path-prefix.ts'
import { describeRoutes } from './openapi/describe.ts'
import { serveDocs } from './openapi/docs-ui.ts'
import { closedObject } from './openapi/schemas.ts'
import { registerRoutes } from './routes/index.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { operationRoutes } from './routes/operations.ts'
import { oidcSignInRoutes } from './routes/sessions/oidc.ts'
import { signInRoutes } from './routes/sessions/sign-in.ts'
import { probeRoutes } from './routes/vantages/probe.ts'
import { createSessions } from './sessions/sessions.ts'

/** Builds the HTTP service; the caller makes it listen. */
export async function buildServer({ stores, transaction, now, ...parts }: ServerParts & View) {
  const app = fastify({
    loggerInstance: parts.log,
    logController: new RequestLog(),
    childLoggerFactory: sharedLog,
    genReqId: () => randomUUID(),
    bodyLimit: 10 * 1024 * 1024,
    serverFactory: (handle) => createListener(parts.listening, handle),
    trustProxy: parts.listening.behindProxy && ((_address, hop) => hop === 0),
    frameworkErrors: respondToFrameworkError,
    // Schemas limit the length of names.
    routerOptions: { maxParamLength: 16 * 1024 },
    rewriteUrl: withoutPrefix(parts.listening.pathPrefix),
    return503OnClosing: false,
    clientErrorHandler: respondToClientError,
    forceCloseConnections: 'idle',
  }).withTypeProvider<TypeBoxTypeProvider>()

  const bodyCompiler = schemaCompiler(false)
  const textCompiler = schemaCompiler('array')
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'body' ? bodyCompiler : textCompiler)(schema as object),
  )
  // A serializer that drops unknown fields would hide bugs.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  registerProblems(app, (quota) => parts.metrics.refused(quota))
  readBodies(app)

  if (parts.tracing) traceRequests(app, parts.tracing)
  app.addHook('onResponse', ({ routeOptions }, { statusCode, elapsedTime }, done) => {
    parts.metrics.responded(routeOptions.schema?.operationId ?? 'none', statusCode, elapsedTime)
    done()
  })
  drainBeforeClosing(app)
  const { limits, connections: maxConnections } = parts.listening
  const connections = shareConnections(app.server, maxConnections, {
    changed: (open) => parts.metrics.connected(open),
    full: (outcome) => parts.metrics.refused(`connections-${outcome}`),
  })
  const quotas = createQuotas(limits, connections, (quota) => parts.metrics.refused(quota))
  const overTls = parts.listening.tls !== undefined || parts.listening.behindProxy
  secureHeaders(app, { overTls })
  requireOneMeaning(app)
  respondToUnknownPaths(app)
  app.addHook('onListen', async () => {
    for (const bound of app.addresses()) if (typeof bound === 'object') parts.neverDial(bound)
  })

  addPrefix(app, parts.listening.pathPrefix)
  await describeRoutes(app, parts)
  await serveDocs(app, parts.listening.pathPrefix)
  const view = { stores, transaction, now }
  const tooMany = limitRequests(limits)
  const tokens = parts.tokens && createTokenReader(parts.tokens)
  const sessions =
    parts.console &&
    createSessions(view, {
      ...parts.console,
      overTls,
      publicOrigin: originOf(parts.listening.publicUrl),
      hasIssuer: tokens !== undefined,
    })
  if (parts.console) serveConsole(app, { ...parts.console, pathPrefix: parts.listening.pathPrefix })
  if (sessions) {
    const { signIn: rules, signInLinks: links, seal } = parts
    await app.register(signInRoutes, { view, sessions, tooMany, links, hasIssuer: rules !== undefined })
    const { pathPrefix } = parts.listening
    if (rules && tokens)
      await app.register(oidcSignInRoutes, { view, sessions, tooMany, tokens, rules, seal, pathPrefix })
  }
  await app.register(operationRoutes, parts)
  await app.register(async (guarded) => {
    requireKey(guarded, view, {
      tooMany,
      tokens,
      quotas,
      replicaView: parts.replicaView,
      sessions,
      commandKey: parts.commandKey,
    })
    limitStreams(guarded, quotas)
    await guarded.register(metricsRoutes, parts)
    await guarded.register(probeRoutes, parts)
    await guarded.register(
      async (v1) => {
        registerEtags(v1)
        compressResponses(v1)
        serveHeadRequests(v1)
        advertisePatches(v1)
        v1.addHook('onRoute', ({ schema }) => {
          if (schema) schema.querystring ??= closedObject({}) // rejects unknown parameters
        })
        await registerRoutes(v1, { ...parts, quotas })
      },
      { prefix: '/v1' },
    )
  })
  return app
}

const originOf = (url: string | undefined) => (url === undefined ? undefined : new URL(url).origin)
