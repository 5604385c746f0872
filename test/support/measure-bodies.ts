import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jsonBodies, routedBodies } from './big-bodies.ts'
import { type Service, startServiceProcess } from './commands.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { query } from './database-server.ts'
import { operations } from './fuzz/document.ts'

/** The promise of SECURITY.md: the longest turn of the event loop, so the longest that `/livez` waits for it. */
const longestTurnMs = 100
/** Other processes of a busy machine delay `/livez` as well; the turns are measured in CPU time and need no factor. */
const busyFactor = 50
/** A collection of garbage or a neighbour on the same core can double one turn; what blocks does so each time. */
const attempts = 3

let database: TestDatabase
let service: Service
let probeUrl: string
const jsonOperations = operations.filter(({ bodies }) => bodies['application/json'])
const pathOf = (path: string) => path.replace('{id}', '019b7600-0000-7000-8000-000000000006').replace('{name}', 'ports')

interface Sent {
  method?: string
  path: string
  type?: string
  text: () => string
}

async function post({ method = 'POST', path, type = 'application/json', text }: Sent): Promise<number> {
  const body = Buffer.from(text())
  try {
    // Only operations that create take the key; of a long body its digest is computed.
    const headers = { 'content-type': type, 'idempotency-key': randomUUID() }
    const response = await service.call(path, { method, body, headers })
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    // The service closes the connection of a body that is too long for the route, while the client still sends.
    if (/EPIPE|ECONNRESET|UND_ERR_SOCKET/.test(String((error as { cause?: { code?: string } }).cause?.code))) return 413
    throw error
  }
}

/** The longest turn since the last call, in milliseconds of CPU time. */
const longestTurn = async () => Number(await (await fetch(probeUrl)).text())

/** Latencies of `/livez` while a promise is pending. */
async function timeLivez(pending: Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  let ended = false
  void pending.finally(() => {
    ended = true
  })
  do {
    const startedAt = performance.now()
    await (await fetch(`${service.url}/livez`)).arrayBuffer()
    took.push(performance.now() - startedAt)
  } while (!ended)
  return took
}

const all: { what: string; turnMs: number; livezMs: number; status: number }[] = []

async function expectShortTurns(what: string, sent: Sent): Promise<void> {
  const text = sent.text()
  let turnMs = Number.POSITIVE_INFINITY
  let livezMs = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < attempts && turnMs >= longestTurnMs; attempt += 1) {
    await query(database.url, ['TRUNCATE target CASCADE']) // so that each attempt writes as much
    await longestTurn()
    const pending = post({ ...sent, text: () => text })
    livezMs = (await timeLivez(pending)).reduce((longest, ms) => Math.max(longest, ms), 0)
    const status = await pending
    turnMs = await longestTurn()
    all.push({ what, turnMs, livezMs, status })
    expect(status, what).toBeLessThan(500)
  }
  expect(turnMs, `longest turn of the event loop with ${what}`).toBeLessThan(longestTurnMs)
  expect(livezMs, `/livez with ${what}`).toBeLessThan(longestTurnMs * busyFactor)
}

/** Sends each JSON body to every `routeStep`th route, and every `bodyStep`th body of single routes. */
export function testBodies({ routeStep, bodyStep }: { routeStep: number; bodyStep: number }): void {
  beforeAll(async () => {
    database = await createTestDatabase()
    const probe = pathToFileURL(join(import.meta.dirname, './loop-probe.mjs'))
    const env = {
      NODE_OPTIONS: `--import ${probe}`,
      PORTWARDEN_LOG_LEVEL: 'error',
      PORTWARDEN_REQUESTS_PER_MINUTE: '1000000',
      PORTWARDEN_AUDITS_PER_MINUTE: '1000000',
    }
    service = await startServiceProcess(database.url, env, 'api')
    probeUrl = (await service.logged(/^loop probe at (\S+)/m))[1] as string
    // The first request of a route compiles its schemas.
    for (const { method, path } of jsonOperations) await post({ method, path: pathOf(path), text: () => '{}' })
  })
  afterAll(async () => {
    await service?.stop()
    await database?.drop()
  })
  afterAll(() => {
    const slowest = all.toSorted((a, b) => b.turnMs - a.turnMs).slice(0, 10)
    const lines = slowest.map(
      ({ what, turnMs, livezMs, status }) =>
        `${turnMs.toFixed(0)} ms CPU, /livez ${livezMs.toFixed(0)} ms, ${status}: ${what}`,
    )
    process.stdout.write(`${all.length} bodies; the longest turns:\n${lines.join('\n')}\n`)
  })

  test.each(Object.keys(jsonBodies).map((kind, i) => [kind, i] as const))(
    'no JSON body of 10 MiB with %s delays /livez by 100 ms, on any route',
    async (kind, i) => {
      const body = jsonBodies[kind]?.() ?? ''
      for (let at = i % routeStep; at < jsonOperations.length; at += routeStep) {
        const { name, method, path } = jsonOperations[at] as (typeof jsonOperations)[number]
        await expectShortTurns(`${kind}, ${name}`, { method, path: pathOf(path), text: () => body })
      }
    },
  )

  const bodies = Object.entries(routedBodies).filter((_, i) => i % bodyStep === 0)
  test.each(bodies)('%s does not delay /livez by 100 ms', expectShortTurns)

  test('a delivery of an agent of 10 MiB does not delay /livez by 100 ms', async () => {
    const call = async (method: string, path: string, body: object) => {
      const headers = { 'content-type': 'application/json' }
      const response = await service.call(path, { method, headers, body: JSON.stringify(body) })
      expect(response.status, path).toBeLessThan(300)
      return response.json() as Promise<{ id: string; checks: object[] }>
    }
    await call('PUT', '/v1/vantages/branch', { zones: ['client'] })
    const targets = [{ name: 'delivered', address: '127.0.0.1' }]
    const result = {
      address: '127.0.0.1',
      state: 'open',
      reason: 'tcp-connected',
      facts: {},
      latencyMs: 1,
      attempts: 1,
    }
    let turnMs = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < attempts && turnMs >= longestTurnMs; attempt += 1) {
      await call('POST', '/v1/audits', { policy: 'netwrix-endpoint-protector', targets, vantages: ['branch'] })
      const { id, checks } = await call('POST', '/v1/vantages/branch/leases', { waitSeconds: 20 })
      const observedAt = new Date().toISOString()
      const observations = Array.from({ length: 45_000 }, (_, i) => ({
        ...{ check: i % checks.length, observedAt, addressResults: [result] },
      }))
      const text = () => JSON.stringify({ online: true, observations })
      expect(text().length).toBeGreaterThan(7 * 2 ** 20)
      await longestTurn()
      expect(await post({ path: `/v1/vantages/branch/leases/${id}/observations`, text })).toBe(200)
      turnMs = await longestTurn()
    }
    expect(turnMs).toBeLessThan(longestTurnMs)
  })

  test('XML that drips byte by byte inside an open element of 4 MB does not delay /livez', async () => {
    const outgoing = request(`${service.url}/v1/targets/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/nmap+xml' },
    })
    outgoing.setNoDelay(true)
    outgoing.write(`<nmaprun><host><script output="${'x'.repeat(4_000_000)}`)
    await longestTurn()
    for (let i = 0; i < 500; i += 1) {
      outgoing.write('x')
      if (i % 10 === 0) await timeLivez(Promise.resolve())
    }
    outgoing.end('"/><address addr="10.9.9.9" addrtype="ipv4"/></host></nmaprun>')
    const [response] = await once(outgoing, 'response')
    response.resume()
    expect(response.statusCode).toBe(200)
    expect(await longestTurn()).toBeLessThan(longestTurnMs)
  })
}
