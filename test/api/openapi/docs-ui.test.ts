import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

const get = (url: string) => service.call('GET', url, { key: null })

test('the page of the documentation has the name and the icon of the project', async () => {
  const { body } = await get('/docs/')
  expect(body).toContain('<title>Portwarden API</title>')
  const icons = [...String(body).matchAll(/<link rel="icon"[^>]* href="([^"]+)"/g)].map(([, href]) => href)
  expect(icons).toEqual(['./static/theme/icon.svg'])
  const icon = await get('/docs/static/theme/icon.svg')
  expect([icon.status, icon.headers['content-type']]).toEqual([200, expect.stringContaining('image/svg+xml')])
})

test('the page of the documentation has no bar of Swagger UI, and shows scopes', async () => {
  const { body } = await get('/docs/static/swagger-initializer.js')
  const [, config = '{}'] = /const config = (\{.*\})$/m.exec(String(body)) ?? []
  expect(JSON.parse(config)).toMatchObject({ layout: 'BaseLayout', showExtensions: true })
})

test('the page of the documentation shows the document that the service serves', async () => {
  expect((await get('/docs/json')).body).toEqual((await get('/openapi.json')).body)
})
