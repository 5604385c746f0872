import { AsyncLocalStorage } from 'node:async_hooks'

type Attributes = Record<string, string | number>

/** How a request was answered. */
interface Answered {
  operation: string
  /** The path with the names of its parameters. */
  route: string | undefined
  status: number
  /** The audit that the answer leads to. */
  auditId?: string | undefined
}

/** Traces of what this process does. They name audits, operations and vantages, and never a target or what was sent. */
export interface Tracing {
  /** A request begins, in the trace of its `traceparent` (W3C Trace Context) if it has one; answers what ends it. */
  request(method: string, traceparent: string | undefined): (answer: Answered) => void
  /** A step of an audit, inside the step that runs it. All steps of an audit are in one trace, whose id is that of the audit. */
  step<T>(name: string, auditId: string, attributes: Attributes, work: () => Promise<T>): Promise<T>
  /** An audit has ended: the span above all of its steps. */
  ended(auditId: string, outcome: { status: string; verdict: string }): void
  /** A delivery to a webhook. */
  delivery<T extends { status: number | null }>(work: () => Promise<T>): Promise<T>
  /** Sends what has not been sent yet, and ends. */
  stop(): Promise<void>
}

/** How long the receiver of traces may take, and hold a stop. */
const exportTimeoutMs = 3_000

/** Starts to trace to an OTLP/HTTP receiver. What it needs is loaded now, and not by processes that do not trace. */
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
  /** Of the span of an audit: any process knows them, long before it is sent. */
  const idsOf = (auditId: string) => {
    const traceId = auditId.replaceAll('-', '')
    return { traceId, spanId: traceId.slice(16), traceFlags: TraceFlags.SAMPLED }
  }
  const parentOf = (traceparent = '') => {
    const [, traceId = '', spanId = '', flags = ''] =
      /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(traceparent) ?? []
    return within({ traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED })
  }
  /** Runs work as a span; `describe` may look at what came. */
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
      // The message may quote what it failed at.
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
      const startTime = Number.parseInt(given.traceId.slice(0, 12), 16) // RFC 9562 section 5.7: when the id was made
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
    stop: () => provider.shutdown().catch(() => {}), // nobody takes them: what they tell is not worth a failed stop
  }
}
