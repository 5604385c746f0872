import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { type Listening, listen } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { startService } from '../support/service.ts'

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  attributes: { key: string; value: object }[]
  startTimeUnixNano: string
  links?: { traceId: string; spanId: string }[]
  status?: { code?: number }
}
interface Export {
  resourceSpans: { resource: { attributes: object[] }; scopeSpans: { spans: Span[] }[] }[]
}

/** A receiver of OTLP/HTTP in JSON. */
let receiver: Listening
const bodies: Export[] = []
beforeAll(async () => {
  const server = createServer(async (request, response) => {
    if (request.url === '/v1/traces') bodies.push((await json(request)) as Export)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  receiver = await listen(server)
})
afterAll(() => receiver?.close())

const spansOf = (auditId: string) => {
  const spans = bodies.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((one) => one.spans)),
  )
  return { spans, audit: spans.filter(({ traceId }) => traceId === auditId.replaceAll('-', '')) }
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

test('an audit is one trace, its request joins that of the caller, and all of it is there after a stop', async () => {
  const service = await startService({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` } })
  const hook = createServer(
    (request, response) => void request.resume().once('end', () => response.writeHead(204).end()),
  )
  const delivered = new Promise<void>((resolve) => hook.on('request', () => resolve()))
  const callback = await listen(hook)
  const open = await listenSilently()
  const { body, status } = await service.call('POST', '/v1/audits', {
    body: {
      policy: 'ports',
      // More checks than fit a batch: a worker plans it.
      targets: Array.from({ length: 126 }, (_, i) => ({ name: `host-in-no-span-${i}`, address: '127.0.0.1' })),
      params: { openPort: open.port, closedPort: await freePort() },
      callbackUrl: `http://127.0.0.1:${callback.port}/secret-path`,
    },
    headers: { traceparent },
  })
  expect(status).toBe(202)
  await service.ended(body.id)
  await delivered
  await service.stop()
  await open.close()
  await callback.close()

  const { spans, audit } = spansOf(body.id)
  // The batch or the plan ends the audit, depending on which finds everything recorded.
  expect(new Set(audit.map(({ name }) => name))).toEqual(new Set(['audit', 'plan', 'batch', 'record', 'finish']))
  const roots = audit.filter(({ parentSpanId }) => !parentSpanId)
  expect(roots.map(({ name }) => name)).toEqual(['audit'])
  const [start, ...later] = [...roots, ...audit.filter((span) => !roots.includes(span))].map((span) =>
    Number(span.startTimeUnixNano),
  )
  expect(start).toBeLessThanOrEqual(Math.min(...later))
  expect(Math.abs((start ?? 0) / 1e6 - Date.parse(body.createdAt))).toBeLessThan(1000)
  const known = audit.map(({ spanId }) => spanId)
  for (const { parentSpanId } of audit) if (parentSpanId) expect(known).toContain(parentSpanId)
  const idOf = (name: string) => audit.find((span) => span.name === name)?.spanId
  expect(audit.find(({ name }) => name === 'record')?.parentSpanId).toBe(idOf('batch'))
  for (const { name, parentSpanId } of audit)
    if (name === 'finish') expect([idOf('batch'), idOf('plan')]).toContain(parentSpanId)
  const request = spans.find(({ name }) => name === 'createAudit')
  expect(request).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' })
  expect(request?.links).toMatchObject([{ traceId: body.id.replaceAll('-', ''), spanId: roots[0]?.spanId }])
  expect(request?.attributes).toContainEqual({ key: 'http.route', value: { stringValue: '/v1/audits' } })
  expect(spans.map(({ name }) => name)).toContain('deliver')
  expect(JSON.stringify(bodies)).not.toMatch(/host-in-no-span|127\.0\.0\.1|secret-path|pw_/)
  expect(bodies[0]?.resourceSpans[0]?.resource.attributes).toContainEqual({
    key: 'service.name',
    value: { stringValue: 'portwarden' },
  })
})

test('the variables of OpenTelemetry name the service and say what it belongs to; each process is an instance', async () => {
  vi.stubEnv('OTEL_SERVICE_NAME', 'ports-of-berlin')
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=staging')
  const service = await startService({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` },
    working: false,
  })
  vi.unstubAllEnvs()
  await service.call('GET', '/v1/audits')
  await service.stop()
  const attributes = bodies.at(-1)?.resourceSpans[0]?.resource.attributes
  const resource = { 'service.name': 'ports-of-berlin', 'deployment.environment.name': 'staging' }
  for (const [key, stringValue] of Object.entries(resource))
    expect(attributes).toContainEqual({ key, value: { stringValue } })
  expect(attributes).toContainEqual({ key: 'service.instance.id', value: { stringValue: expect.any(String) } })
})

test('a receiver that is away harms nothing', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` }
  const service = await startService({ env })
  const params = { openPort: 1, closedPort: 2 }
  const targets = [{ name: 'host', address: '127.0.0.1' }]
  expect((await service.call('GET', '/v1/audits', { headers: { traceparent: 'nonsense' } })).status).toBe(200)
  expect((await service.ended(await service.accept({ targets, params }))).status).toBe('completed')
  await service.stop()
}, 20_000)

test('without the variable nothing is loaded', async () => {
  const service = await startService({ working: false })
  expect(service.serverParts.tracing).toBeUndefined()
  await service.stop()
})
