import pino from 'pino'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { maxKeylessLines } from '../../../src/api/http/request-log.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
const lines: Record<string, unknown>[] = []
beforeAll(async () => {
  const log = pino({ level: 'info', base: null }, { write: (line) => void lines.push(JSON.parse(line)) })
  service = await startService({ working: false, log })
})
afterAll(() => service.stop())
beforeEach(() => {
  lines.length = 0
})

test('a request is one line: key, method, URL, status and duration', async () => {
  await service.call('GET', '/v1/targets?limit=1')
  const keyId = service.key.split('_')[1]
  const line = { method: 'GET', url: '/v1/targets?limit=1', key: keyId, status: 200, requestId: expect.any(String) }
  expect(lines).toEqual([expect.objectContaining({ ...line, tookMs: expect.any(Number), msg: 'request completed' })])
})

test('a request without a key is one line, too', async () => {
  await service.call('GET', '/nothing', { key: null })
  expect(lines).toEqual([expect.objectContaining({ url: '/nothing', status: 404 })])
})

test('a failure is logged under the id that the response shows', async () => {
  await service.query('ALTER TABLE webhook RENAME TO gone')
  const { body } = await service.call('GET', '/v1/webhooks')
  expect(lines.map(({ requestId, msg }) => ({ requestId, msg }))).toEqual([
    { requestId: body.requestId, msg: 'request failed' },
    { requestId: body.requestId, msg: 'request completed' },
  ])
})

test('a flood without a valid key is bounded in the log, and says what it left out', async () => {
  const time = vi.spyOn(performance, 'now')
  onTestFinished(() => time.mockRestore())
  const start = performance.now() + 120_000 // a minute of its own
  time.mockReturnValue(start)
  const flood = Array.from({ length: maxKeylessLines + 50 }, () =>
    service.call('GET', `/v1/targets?x=${'x'.repeat(5_000)}`, { key: `pw_${'0'.repeat(12)}_${'z'.repeat(43)}` }),
  )
  await Promise.all(flood)
  expect(lines).toHaveLength(maxKeylessLines)
  expect(Math.max(...lines.map((line) => JSON.stringify(line).length))).toBeLessThan(1_500)
  lines.length = 0
  await service.call('GET', '/v1/targets')
  expect(lines).toMatchObject([{ url: '/v1/targets', status: 200 }])
  time.mockReturnValue(start + 61_000)
  await service.call('GET', '/nothing', { key: null })
  expect(lines.slice(1)).toMatchObject([
    { leftOut: 50, msg: 'requests without a valid key were not logged' },
    { url: '/nothing' },
  ])
})
