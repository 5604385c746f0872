import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startServiceProcess } from '../support/commands.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startService } from '../support/service.ts'
import { type Slowness, startSlowClients, timeRequests } from '../support/slow-clients.ts'

const clients = 1_000
let database: TestDatabase
let service: Service
beforeAll(async () => {
  database = await createTestDatabase()
  service = await startServiceProcess(database.url, { PORTWARDEN_LOG_LEVEL: 'warn' }, 'api')
})
afterAll(async () => {
  await service.stop()
  await database.drop()
})

const residentMb = async () => {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${service.pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1024
}

const slow: Record<string, Slowness> = {
  'that do not finish their headers': { first: 'GET /v1/targets HTTP/1.1\r\nHost: a\r\n', drip: 'X-More: 1\r\n' },
  'that do not finish their bodies': {
    first:
      'POST /v1/targets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\nAuthorization: Bearer KEY\r\n\r\n{',
    drip: ' ',
  },
  'that do not read the answer': { first: 'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n', deaf: true },
}
test.each(Object.entries(slow))(
  `${clients} clients %s keep nobody else waiting, and cost little memory`,
  async (_what, how) => {
    await timeRequests(`${service.url}/livez`, 20) // warm
    const before = await residentMb()
    const slowClients = await startSlowClients(service.url, clients, {
      ...how,
      first: how.first.replace('KEY', service.key),
    })
    try {
      const took = await timeRequests(`${service.url}/livez`, 300)
      expect(slowClients.open()).toBe(clients)
      const p99 = took.toSorted((a, b) => a - b)[Math.ceil(took.length * 0.99) - 1]
      expect(p99).toBeLessThan(500)
      expect((await residentMb()) - before).toBeLessThan(150)
    } finally {
      slowClients.stop()
    }
  },
)

test('who does not finish the headers in ten seconds is sent away', async () => {
  const { first } = slow['that do not finish their headers'] as Slowness
  const startedAt = performance.now()
  const slowClients = await startSlowClients(service.url, 1, { first, drip: 'X-More: 1\r\n' })
  await slowClients.dropped(1)
  const seconds = (performance.now() - startedAt) / 1000
  expect(seconds).toBeGreaterThan(8)
  expect(seconds).toBeLessThan(25)
  slowClients.stop()
})

test('no more connections are open than the service takes', async () => {
  const few = await startService({ working: false, env: { PORTWARDEN_CONNECTIONS: '20' } })
  const slowClients = await startSlowClients(await few.listen(), 40, { first: 'GET /livez HTTP/1.1\r\n' })
  await slowClients.dropped(20)
  expect(slowClients.open()).toBe(20)
  slowClients.stop()
  await few.stop()
})
