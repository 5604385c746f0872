import helmet from '@fastify/helmet'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { securityHeaders, transportSecurity } from '../../../src/api/http/security-headers.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

const cases: [what: string, method: 'GET' | 'POST', url: string, call?: { key?: null; body?: string }][] = [
  ['a response', 'GET', '/v1/targets'],
  ['a stream', 'GET', '/v1/targets?format=csv'],
  ['a rejection', 'GET', '/v1/targets', { key: null }],
  ['a malformed request', 'POST', '/v1/targets', { body: '{' }],
  ['an unknown path', 'GET', '/nothing'],
  ['liveness', 'GET', '/livez'],
  ['the document', 'GET', '/openapi.json'],
]
describe.each(cases)('%s', (_what, method, url, call) => {
  test('runs, loads and embeds nothing in a browser', async () => {
    const { headers } = await service.call(method, url, call)
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    })
    expect(headers['x-powered-by'] ?? headers.server).toBeUndefined()
  })

  test('is not readable by other origins', async () => {
    const { headers } = await service.call(method, url, { ...call, headers: { origin: 'https://elsewhere.example' } })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
  })
})

test('a response over TLS requires TLS for a year, one over plain HTTP does not mention it', async () => {
  const behindProxy = await startService({ working: false, env: { PORTWARDEN_BEHIND_PROXY: 'true' } })
  onTestFinished(() => behindProxy.stop())
  const responses = await Promise.all([behindProxy, service].map(({ call }) => call('GET', '/livez')))
  expect(responses.map(({ headers }) => headers['strict-transport-security'])).toEqual(['max-age=31536000', undefined])
})

test('a CORS preflight request of another origin is rejected', async () => {
  const response = await service.server.inject({
    method: 'OPTIONS',
    url: '/v1/targets',
    headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' },
  })
  expect(response.statusCode).toBeGreaterThanOrEqual(400)
  expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
})

test('the page of the documentation runs its own scripts and no others', async () => {
  for (const url of ['/docs/', '/docs/static/index.css', '/docs/static/swagger-ui-bundle.js']) {
    const { status, headers } = await service.call('GET', url, { key: null })
    expect([url, status]).toEqual([url, 200])
    expect(headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self';/)
    expect(headers['x-content-type-options']).toBe('nosniff')
  }
  expect((await service.call('GET', '/docs/')).body).not.toMatch(/<script(?![^>]*\bsrc=)/)
})

test('the headers are those of helmet for responses that are data', async () => {
  const model = fastify()
  await model.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    crossOriginEmbedderPolicy: true,
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false },
  })
  model.get('/', async (_request, reply) => reply.send())
  const {
    'content-length': _length,
    date: _date,
    connection: _connection,
    ...headers
  } = (await model.inject('/')).headers
  expect({ ...securityHeaders, ...transportSecurity }).toEqual(headers)
})
