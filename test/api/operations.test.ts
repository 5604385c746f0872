import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../support/service.ts'

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

test.each(['/', '/v1', '/v1/nothing', '/v2/targets', '/livez/more'])('%s is 404', async (path) => {
  const { status, headers, body } = await service.call('GET', path)
  expect([status, body.status, body.title]).toEqual([404, 404, 'Not Found'])
  expect(headers['content-type']).toMatch(/^application\/problem\+json/)
})

test('an operation that a resource does not have is 404', async () => {
  expect((await service.call('PATCH', '/v1/audits')).status).toBe(404)
})
