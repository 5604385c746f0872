import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

const cases: [what: string, method: 'GET' | 'POST', url: string, call?: { key?: null; body?: string }][] = [
  ['an answer', 'GET', '/v1/targets'],
  ['a stream', 'GET', '/v1/targets?format=csv'],
  ['a refusal', 'GET', '/v1/targets', { key: null }],
  ['a malformed request', 'POST', '/v1/targets', { body: '{' }],
  ['what is not there', 'GET', '/nothing'],
  ['liveness', 'GET', '/livez'],
  ['the document', 'GET', '/openapi.json'],
]
describe.each(cases)('%s', (_what, method, url, call) => {
  test('lets a browser do nothing with it but show it', async () => {
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

  test('is not for other origins', async () => {
    const { headers } = await service.call(method, url, { ...call, headers: { origin: 'https://elsewhere.example' } })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
  })
})

test('an answer that goes over TLS wants TLS for a year, one in clear says nothing of it', async () => {
  const behindProxy = await startService({ working: false, env: { PORTWARDEN_BEHIND_PROXY: 'true' } })
  onTestFinished(() => behindProxy.stop())
  const asked = await Promise.all([behindProxy, service].map(({ call }) => call('GET', '/livez')))
  expect(asked.map(({ headers }) => headers['strict-transport-security'])).toEqual(['max-age=31536000', undefined])
})

test('a question of a browser whether another origin may call is not answered with leave', async () => {
  const answer = await service.server.inject({
    method: 'OPTIONS',
    url: '/v1/targets',
    headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' },
  })
  expect(answer.statusCode).toBeGreaterThanOrEqual(400)
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
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
