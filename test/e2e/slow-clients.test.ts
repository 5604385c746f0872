import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startServiceProcess } from '../support/commands.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startService } from '../support/service.ts'
import { type Slowness, slownesses, startSlowClients, timeBeside, timeRequests } from '../support/slow-clients.ts'

const clients = 1_000
let database: TestDatabase
let service: Service
/** Started first, because it takes long. */
let closedAfter: Promise<number>
beforeAll(async () => {
  database = await createTestDatabase()
  service = await startServiceProcess(
    database.url,
    { PORTWARDEN_LOG_LEVEL: 'warn', PORTWARDEN_CONNECTIONS_PER_KEY: String(clients) },
    'api',
  )
  closedAfter = measureHeaderTimeout()
})
afterAll(async () => {
  await service?.stop()
  await database?.drop()
})

/** Seconds until the service closes a client with unfinished headers. */
async function measureHeaderTimeout(): Promise<number> {
  const { first, drip } = slownesses['do not finish their headers'] as Slowness
  const startedAt = performance.now()
  const slowClients = await startSlowClients(service.url, 1, { first, drip })
  await slowClients.dropped(1)
  slowClients.stop()
  return (performance.now() - startedAt) / 1000
}

const residentMb = async () => {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${service.pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1024
}

test.each(Object.entries(slownesses))(
  `${clients} clients that %s do not delay other clients, and cost little memory`,
  async (what, how) => {
    await timeRequests(`${service.url}/livez`, 20) // warm
    const before = await residentMb()
    const { p50Ms, p99Ms, requests } = await timeBeside(service, { count: clients, how })
    const times = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`
    process.stdout.write(`${clients} clients that ${what}: /livez ${times}\n`)
    expect(requests).toBeGreaterThanOrEqual(100)
    expect(p99Ms).toBeLessThan(500)
    expect((await residentMb()) - before).toBeLessThan(150)
  },
)

test('a client with unfinished headers is closed after ten seconds', async () => {
  const seconds = await closedAfter
  expect(seconds).toBeGreaterThan(8)
  expect(seconds).toBeLessThan(25)
})

test('at most the configured number of connections is open', async () => {
  const few = await startService({ working: false, env: { PORTWARDEN_CONNECTIONS: '20' } })
  const slowClients = await startSlowClients(await few.listen(), 40, { first: 'GET /livez HTTP/1.1\r\n' })
  await slowClients.dropped(20)
  expect(slowClients.open()).toBe(20)
  slowClients.stop()
  await few.stop()
})
