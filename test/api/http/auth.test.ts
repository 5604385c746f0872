import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

type Method = Parameters<TestService['call']>[0]
const document = JSON.parse(readFileSync(new URL('../../../openapi/openapi.json', import.meta.url), 'utf8'))
const operations = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => [method.toUpperCase() as Method, path.replace(/\{\w+\}/g, 'anything')] as const),
)
/** For operators; everything else needs a key. */
const open = ['/livez', '/readyz']
const guarded = operations.filter(([, path]) => !open.includes(path))

describe('without a key', () => {
  test.each(guarded)('%s %s is 401, before any other check', async (method, path) => {
    const { status, headers, body } = await service.call(method, path, { key: null, body: '{' })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toMatch(/^Bearer /)
    expect(headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(body).toMatchObject({ type: 'about:blank', title: 'Unauthorized', status: 401 })
  })

  test('all operations but those for operators need a key', () => {
    expect(operations.length - guarded.length).toBe(open.length)
    expect(guarded.length).toBeGreaterThan(20)
  })

  test.each(['/livez', '/readyz', '/openapi.json', '/docs', '/docs/json'])('%s needs no key', async (path) => {
    expect((await service.call('GET', path, { key: null })).status).toBe(200)
  })
})

describe('with a key', () => {
  test.each(['', 'pw_', 'nonsense', `pw_${'0'.repeat(12)}_${'A'.repeat(43)}`])(
    'that is wrong it is 401: %s',
    async (key) => {
      expect((await service.call('GET', '/v1/targets', { key })).status).toBe(401)
    },
  )

  test('that is valid it gets a response', async () => {
    expect((await service.call('GET', '/v1/targets')).status).toBe(200)
  })

  test('that is right in another scheme it is 401', async () => {
    const headers = { authorization: `Basic ${Buffer.from(`key:${service.key}`).toString('base64')}` }
    expect((await service.call('GET', '/v1/targets', { key: null, headers })).status).toBe(401)
    expect((await service.call('GET', `/v1/targets?key=${service.key}`, { key: null })).status).toBe(401)
  })

  test('the name of the scheme may be written as one likes (RFC 9110 section 11.1)', async () => {
    const headers = { authorization: `bearer ${service.key}` }
    expect((await service.call('GET', '/v1/targets', { key: null, headers })).status).toBe(200)
  })
})
