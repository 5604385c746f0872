import { randomUUID } from 'node:crypto'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import type { Limits } from '../domain/access/limits.ts'
import type { TokenRules } from '../domain/access/tokens.ts'
import type { CheckRunner } from '../operations/audits/run-checks.ts'
import type { Parts } from '../operations/context.ts'
import type { Scheduler } from '../operations/schedules/tick.ts'
import type { LeaseDesk } from '../operations/vantages/leases.ts'
import type { Notifier } from '../operations/webhooks/dispatcher.ts'
import type { Notifications } from '../store/db/listen.ts'
import { describeNeed, requireKey } from './http/auth.ts'
import { drainBeforeClosing } from './http/drain.ts'
import { registerEtags } from './http/etags.ts'
import { serveHeadRequests } from './http/head-requests.ts'
import { createListener, type ListenerSettings, respondToClientError } from './http/listener.ts'
import { respondToUnknownPaths } from './http/not-found.ts'
import { createTokenReader } from './http/oidc.ts'
import { Problem, registerProblems, respondToFrameworkError } from './http/problems.ts'
import { limitRequests } from './http/rate-limits.ts'
import { RequestLog, sharedLog } from './http/request-log.ts'
import { secureHeaders } from './http/security-headers.ts'
import { readBodies } from './http/strict-json.ts'
import { traceRequests } from './http/traces.ts'
import { schemaCompiler } from './http/validation.ts'
import { serveDocs, withoutDefaults } from './openapi/docs-ui.ts'
import { documentHead } from './openapi/document.ts'
import { describeHeaders } from './openapi/response-headers.ts'
import { closedObject, describeBody, Reason } from './openapi/schemas.ts'
import { describeCallback } from './openapi/webhook-events.ts'
import { auditRoutes } from './routes/audits/audits.ts'
import { auditEventRoutes } from './routes/audits/events.ts'
import { Evidence, Finding, findingRoutes } from './routes/audits/findings.ts'
import { Audit } from './routes/audits/schemas.ts'
import { Waiver, waiverRoutes } from './routes/exceptions/waivers.ts'
import { Window, windowRoutes } from './routes/exceptions/windows.ts'
import { Key, keyRoutes, NewKey } from './routes/keys.ts'
import { LedgerEntry, LedgerHead, LedgerVerification, ledgerRoutes } from './routes/ledger.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { operationRoutes } from './routes/operations.ts'
import { Policy, policyRoutes } from './routes/policies/policies.ts'
import { previewRoutes } from './routes/policies/preview.ts'
import { Baseline, baselineRoutes } from './routes/reports/baselines.ts'
import { ComplianceItem, ComplianceReport, complianceRoutes } from './routes/reports/compliance.ts'
import { Control, ControlReport, controlRoutes } from './routes/reports/controls.ts'
import { DriftItem, DriftReport, driftRoutes } from './routes/reports/drift.ts'
import { FieldChange, historyRoutes, Span } from './routes/reports/history.ts'
import { changeRoutes, TargetSpan } from './routes/reports/span-feed.ts'
import { scheduleRoutes } from './routes/schedules/schedules.ts'
import { Schedule, ScheduleRun } from './routes/schedules/schemas.ts'
import { ImportOutcome, targetImportRoutes } from './routes/targets/imports.ts'
import { Target } from './routes/targets/schemas.ts'
import { targetRoutes } from './routes/targets/targets.ts'
import { Lease, leaseRoutes } from './routes/vantages/leases.ts'
import { probeRoutes } from './routes/vantages/probe.ts'
import { Vantage, vantageRoutes } from './routes/vantages/vantages.ts'
import { Delivery, deliveryRoutes } from './routes/webhooks/deliveries.ts'
import { NewWebhook, Webhook } from './routes/webhooks/schemas.ts'
import { webhookRoutes } from './routes/webhooks/webhooks.ts'

/** The stores as a caller may see them. */
export type View = Pick<Parts, 'stores' | 'transaction'>

/** What operations work with. The stores are not among it: `request.view` has them, as the caller may see them. */
export interface ServerParts extends Omit<Parts, keyof View> {
  scheduler: Pick<Scheduler, 'check' | 'next' | 'settle'>
  notifications: Pick<Notifications, 'waitForEnd'>
  listening: ListenerSettings & { limits: Limits }
  metrics: {
    contentType: string
    render(): Promise<string>
    /** Told of every answer; `operation` is an operationId, or `none`. */
    answered(operation: string, status: number, tookMs: number): void
  }
  /** Told of every request; undefined where nothing is traced. */
  tracing?:
    | {
        request(
          method: string,
          traceparent: string | undefined,
        ): (answer: {
          operation: string
          route: string | undefined
          status: number
          auditId?: string | undefined
        }) => void
      }
    | undefined
  /** What looks from a vantage of this process, by default the first; throws where there is none. */
  proberFor(vantage?: string): CheckRunner
  /** The most that a single look takes. */
  probeTimeoutMs: number
  /** Told where it listens, so that it is not audited itself. */
  neverDial(endpoint: { address: string; port: number }): void
  /** Whether the service can do its work now; throws NotReadyError where it cannot. */
  checkReady(): Promise<void>
  leases: LeaseDesk
  notifier: Pick<Notifier, 'callbackSecrets' | 'ping' | 'resume' | 'seal'>
  /** Whether webhooks may lead to this host, as far as can be said without asking for its address. */
  mayDial(host: string, port: number): boolean
  /** Whether webhooks may lead over plain HTTP to other machines. */
  plainHttp: boolean
  /** Whose tokens are taken beside keys. */
  tokens?: TokenRules | undefined
  /** A directory for what is too large for memory; it need not be there. */
  spoolDir: string
  version: string
  log: FastifyBaseLogger
}

/** The schemas that operations refer to by name. */
const schemas = [
  ...[Problem, Reason, Audit, Evidence, Finding, Target, FieldChange, Span, TargetSpan, Policy],
  ...[DriftItem, DriftReport, Baseline, ComplianceItem, ComplianceReport, Control, ControlReport],
  ...[Key, NewKey, Vantage, Lease],
  ...[Schedule, ScheduleRun, Waiver, Window],
  ...[ImportOutcome],
  ...[LedgerEntry, LedgerHead, LedgerVerification],
  ...[Webhook, NewWebhook, Delivery],
]

const resources = [
  ...[auditRoutes, findingRoutes, targetRoutes, historyRoutes, policyRoutes, previewRoutes],
  ...[driftRoutes, baselineRoutes, changeRoutes, complianceRoutes, controlRoutes],
  ...[keyRoutes, vantageRoutes, leaseRoutes],
  ...[targetImportRoutes],
  ...[scheduleRoutes, waiverRoutes, windowRoutes, ledgerRoutes],
  ...[webhookRoutes, deliveryRoutes, auditEventRoutes],
]

/** Builds the HTTP service; it listens when the caller says so. */
export async function buildServer({ stores, transaction, ...parts }: ServerParts & View) {
  const app = fastify({
    loggerInstance: parts.log,
    logController: new RequestLog(),
    childLoggerFactory: sharedLog,
    genReqId: () => randomUUID(),
    bodyLimit: 10 * 1024 * 1024,
    serverFactory: (answer) => createListener(parts.listening, answer),
    trustProxy: parts.listening.behindProxy && ((_address, hop) => hop === 0),
    frameworkErrors: respondToFrameworkError,
    // A name in a path that is too long is refused by its schema, like any other.
    routerOptions: { maxParamLength: 16 * 1024 },
    return503OnClosing: false,
    clientErrorHandler: respondToClientError,
    forceCloseConnections: 'idle',
  }).withTypeProvider<TypeBoxTypeProvider>()

  const bodyCompiler = schemaCompiler(false)
  const textCompiler = schemaCompiler('array')
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'body' ? bodyCompiler : textCompiler)(schema as object),
  )
  // The answers are built from typed values; a serializer that drops what a schema does not name would hide mistakes.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  registerProblems(app)
  readBodies(app)
  for (const schema of schemas) app.addSchema(schema)

  if (parts.tracing) traceRequests(app, parts.tracing)
  app.addHook('onResponse', ({ routeOptions }, { statusCode, elapsedTime }, done) => {
    parts.metrics.answered(routeOptions.schema?.operationId ?? 'none', statusCode, elapsedTime)
    done()
  })
  drainBeforeClosing(app)
  await secureHeaders(app, { overTls: parts.listening.tls !== undefined || parts.listening.behindProxy })
  respondToUnknownPaths(app)
  app.addHook('onListen', async () => {
    for (const bound of app.addresses()) if (typeof bound === 'object') parts.neverDial(bound)
  })

  await app.register(swagger, {
    openapi: documentHead(parts.version),
    transform: ({ schema, url, route }) => ({
      url,
      schema: schema && describeBody(describeNeed(withoutDefaults(schema), route), route),
    }),
    transformObject: (made) => describeHeaders(describeCallback('openapiObject' in made ? made.openapiObject : {})),
    refResolver: { buildLocalReference: ({ $id }, _, __, i) => `${$id ?? `def-${i}`}` },
  })
  await serveDocs(app)
  await app.register(operationRoutes, parts)
  await app.register(async (guarded) => {
    const tooMany = limitRequests(parts.listening.limits)
    requireKey(guarded, { stores, transaction }, { tooMany, tokens: parts.tokens && createTokenReader(parts.tokens) })
    await guarded.register(metricsRoutes, parts)
    await guarded.register(probeRoutes, parts)
    await guarded.register(
      async (v1) => {
        registerEtags(v1)
        serveHeadRequests(v1)
        v1.addHook('onRoute', ({ schema }) => {
          if (schema) schema.querystring ??= closedObject({}) // what is not known is refused there too
        })
        for (const routes of resources) await v1.register(routes, parts)
      },
      { prefix: '/v1' },
    )
  })
  return app
}
