import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

test('the process says that it is alive', async () => {
  expect(await service.call('GET', '/livez')).toMatchObject({
    status: 200,
    body: { status: 'ok', version: '0.0.0-test' },
  })
})

test('it says that it is ready', async () => {
  expect(await service.call('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } })
})

test('it serves its own OpenAPI document, and a page to read it', async () => {
  const { body } = await service.call('GET', '/openapi.json')
  expect(body).toMatchObject({ openapi: expect.stringMatching(/^3\.1/), info: { title: 'Portwarden' } })
  expect((await service.call('GET', '/docs')).headers['content-type']).toMatch(/^text\/html/)
})

test.each(['/nothing', '/v1', '/v1/nothing', '/v2/targets', '/livez/more'])('%s is 404', async (path) => {
  const { status, headers, body } = await service.call('GET', path)
  expect([status, body.status, body.title]).toEqual([404, 404, 'Not Found'])
  expect(headers['content-type']).toMatch(/^application\/problem\+json/)
})

const document = JSON.parse(readFileSync(new URL('../../../openapi/openapi.json', import.meta.url), 'utf8'))
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const paths = Object.entries<object>(document.paths).map(([path, operations]) => ({
  path: path.replaceAll(/\{\w+\}/g, 'a'),
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  takes: Object.keys(operations).flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()])),
}))

test.each(paths)('$path lists its methods in response to any other method, without a key', async ({ path }) => {
  const takes = paths.flatMap((one) => (one.pattern.test(path) ? one.takes : []))
  for (const method of methods.filter((one) => !takes.includes(one))) {
    const response = await service.server.inject({ method, url: `${path}?a=b`, payload: '{' }) // a body of no type, which is not read
    expect([method, response.statusCode]).toEqual([method, 405])
    expect(new Set(String(response.headers.allow).split(', '))).toEqual(new Set(takes))
    if (method !== 'HEAD') expect(response.json()).toMatchObject({ status: 405, title: 'Method Not Allowed' })
  }
})

test('what is sent to no path is not read', async () => {
  const { statusCode } = await service.server.inject({
    method: 'POST',
    url: '/nothing',
    headers: { 'content-type': 'application/json' },
    payload: '{',
  })
  expect(statusCode).toBe(404)
})
