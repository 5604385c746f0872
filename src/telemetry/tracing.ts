import { AsyncLocalStorage } from 'node:async_hooks'

type Attributes = Record<string, string | number>

interface TracedResponse {
  operation: string
  /** The path with parameter names. */
  route: string | undefined
  status: number
  /** The audit in the `Location` of the response. */
  auditId?: string | undefined
}

/** Spans name audits, operations and vantages; never targets or payloads. */
export interface Tracing {
  /** Starts the span of a request, in the trace of its `traceparent` (W3C Trace Context); the result ends it. */
  request(method: string, traceparent: string | undefined): (response: TracedResponse) => void
  /** Runs a step in a span; trace id: the audit id. */
  step<T>(name: string, auditId: string, attributes: Attributes, work: () => Promise<T>): Promise<T>
  /** Sends the root span of an audit that has ended. */
  ended(auditId: string, outcome: { status: string; verdict: string }): void
  /** Runs a webhook delivery in a span. */
  delivery<T extends { status: number | null }>(work: () => Promise<T>): Promise<T>
  /** Exports the remaining spans and shuts down. */
  stop(): Promise<void>
}

/** How long an export may take, also during shutdown. */
const exportTimeoutMs = 3_000

/** Exports traces to an OTLP/HTTP receiver. Loads OpenTelemetry only here, because it is large. */
export async function startTracing({ endpoint, version }: { endpoint: string; version: string }): Promise<Tracing> {
  const [api, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ])
  const { trace, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, isSpanContextValid } = api
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: exportTimeoutMs,
  })
  const own = resources.resourceFromAttributes({ 'service.name': 'portwarden', 'service.version': version })
  const detectors = [resources.serviceInstanceIdDetector, resources.envDetector] // OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
  const random = new sdk.RandomIdGenerator()
  let given: { traceId: string; spanId: string } | undefined
  const provider = new sdk.TracerProvider({
    resource: own.merge(resources.detectResources({ detectors })),
    idGenerator: {
      generateTraceId: () => given?.traceId ?? random.generateTraceId(),
      generateSpanId: () => given?.spanId ?? random.generateSpanId(),
    },
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, exportTimeoutMillis: exportTimeoutMs })],
  })
  const tracer = provider.getTracer('portwarden', version)
  const current = new AsyncLocalStorage<typeof ROOT_CONTEXT>()

  const within = (ids: { traceId: string; spanId: string; traceFlags: number }) =>
    isSpanContextValid(ids) ? trace.setSpanContext(ROOT_CONTEXT, { ...ids, isRemote: true }) : ROOT_CONTEXT
  /** The ids of an audit's root span, derived so that every process knows them before it is sent. */
  const idsOf = (auditId: string) => {
    const traceId = auditId.replaceAll('-', '')
    return { traceId, spanId: traceId.slice(16), traceFlags: TraceFlags.SAMPLED }
  }
  const parentOf = (traceparent = '') => {
    const [, traceId = '', spanId = '', flags = ''] =
      /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(traceparent) ?? []
    return within({ traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED })
  }
  /** Runs work in a span; `describe` adds result attributes. */
  const run = async <T>(
    span: ReturnType<typeof tracer.startSpan>,
    work: () => Promise<T>,
    describe: (result: T) => void = () => {},
  ): Promise<T> => {
    try {
      const result = await current.run(trace.setSpan(ROOT_CONTEXT, span), work)
      describe(result)
      return result
    } catch (error) {
      // The message could quote a payload.
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' })
      throw error
    } finally {
      span.end()
    }
  }

  return {
    request(method, traceparent) {
      const options = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } }
      const span = tracer.startSpan(method, options, parentOf(traceparent))
      return ({ operation, route, status, auditId }) => {
        span.updateName(operation)
        span.setAttribute('http.response.status_code', status)
        if (route !== undefined) span.setAttribute('http.route', route)
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
        if (auditId !== undefined)
          span.setAttribute('portwarden.audit.id', auditId).addLink({ context: idsOf(auditId) })
        span.end()
      }
    },
    step(name, auditId, attributes, work) {
      const parent = current.getStore() ?? within(idsOf(auditId))
      const options = { attributes: { 'portwarden.audit.id': auditId, ...attributes } }
      return run(tracer.startSpan(name, options, parent), work)
    },
    ended(auditId, { status, verdict }) {
      given = idsOf(auditId)
      const startTime = Number.parseInt(given.traceId.slice(0, 12), 16) // RFC 9562 section 5.7: the creation time of the id
      const attributes = { 'portwarden.audit.id': auditId, 'portwarden.audit.status': status }
      const options = { root: true, startTime, attributes: { ...attributes, 'portwarden.audit.verdict': verdict } }
      const span = tracer.startSpan('audit', options, ROOT_CONTEXT)
      given = undefined
      if (status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
    delivery(work) {
      const span = tracer.startSpan('deliver', { kind: SpanKind.CLIENT }, ROOT_CONTEXT)
      return run(span, work, ({ status }) => {
        if (status !== null) span.setAttribute('http.response.status_code', status)
      })
    },
    stop: () => provider.shutdown().catch(() => {}), // lost spans must not fail a shutdown
  }
}
