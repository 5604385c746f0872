import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { listenSilently, ports } from '../support/app.ts'
import { type Service, startServiceProcess } from '../support/commands.ts'
import { isConnectedTo } from '../support/connected.ts'
import { type Fleet, inFull, listenSlowly, startFleet } from '../support/fleet.ts'
import type { Listening } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import type { PeerProcess } from '../support/processes.ts'
import { type StoppablePostgres, startStoppablePostgres } from '../support/stoppable-postgres.ts'

/** What is promised: every process is back within this time. */
const recovery = { timeout: 30_000, interval: 100 }
const targets = 5
const vantages = ['branch', 'office']

let postgres: StoppablePostgres
let fleet: Fleet
let api: Service
let workers: PeerProcess[]
let open: Listening
let slow: Listening
let params: Record<string, number>
beforeAll(async () => {
  postgres = await startStoppablePostgres()
  fleet = await startFleet(postgres.url)
  open = await listenSilently()
  slow = await listenSlowly(500)
  params = { openPort: open.port, closedPort: await freePort(), httpsPort: slow.port }
  api = await startServiceProcess(postgres.url, {}, 'api')
  workers = [await fleet.startWorker(), await fleet.startWorker()]
})
afterAll(async () => {
  await api?.stop()
  await fleet?.stop()
  await postgres?.stop()
  await open?.close()
  await slow?.close()
})

const body = () =>
  JSON.stringify({
    policy: ports.name,
    targets: Array.from({ length: targets }, (_, i) => ({ name: `host-${i}`, address: '127.0.0.1' })),
    params,
  })
const headers = { 'content-type': 'application/json' }
/** Requests an audit; returns its id where it was accepted. */
async function requestAudit(): Promise<string | undefined> {
  const response = await api.call('/v1/audits', { method: 'POST', headers, body: body() })
  if (response.status === 202) return ((await response.json()) as { id: string }).id
  expect(response.status).toBe(503)
  await response.body?.cancel()
  return undefined
}
const requestAccepted = async () => (await requestAudit()) ?? expect.fail('the audit was not accepted')

interface Vantages {
  items: { name: string; lastSeenAt: string }[]
}
/** Every process has all of its connections again: those that listen, and those that say that it is there. */
async function expectRecovered(since: Date) {
  await vi.waitFor(async () => {
    expect((await api.call('/readyz')).status).toBe(200)
    const listeners = await fleet.query<{ name: string; count: number }>(
      `SELECT application_name AS name, count(*)::int FROM pg_stat_activity
       WHERE datname = 'portwarden' AND query ILIKE 'listen%' GROUP BY 1 ORDER BY 1`,
    )
    const everyone = 2 + workers.length // the service, the workers, and the test itself
    expect(listeners).toEqual(
      ['portwarden notifications', 'portwarden queue'].map((name) => ({ name, count: everyone })),
    )
    const { items } = (await (await api.call('/v1/vantages')).json()) as Vantages
    expect(items.map(({ name }) => name)).toEqual(vantages)
    for (const { lastSeenAt } of items) expect(Date.parse(lastSeenAt)).toBeGreaterThan(since.getTime())
  }, recovery)
  const alive = await Promise.race([api.exited, ...workers.map(({ exited }) => exited), 'alive'])
  expect(alive).toBe('alive')
}

/** Checks that no worker made although their vantage was present all the time. */
const givenUp = async () =>
  (await fleet.query(`SELECT FROM finding f JOIN reason r ON r.id = f.reason_id WHERE r.code = 'batch-failed'`)).length

const timeout = 300_000

test('PostgreSQL crashes in the middle of audits and comes back: so does every process, and no audit is lost', {
  timeout,
}, async () => {
  const accepted = [await requestAccepted(), await requestAccepted(), await requestAccepted()]
  await expect.poll(() => workers.some(({ pid }) => isConnectedTo(pid, slow.port))).toBe(true)
  await postgres.crash()
  expect((await api.call('/readyz')).status).toBe(503)
  expect((await api.call('/livez')).status).toBe(200)
  expect(await requestAudit()).toBeUndefined()
  await postgres.start()
  const back = new Date()
  await expectRecovered(back)
  accepted.push(await requestAccepted())
  await fleet.expectWhole(accepted, targets)
  expect(await givenUp()).toBe(0)
})

test('connections are terminated again and again: every audit that was accepted is whole in the end', {
  timeout,
}, async () => {
  const { cuts, everyMs } = inFull({ cuts: 30, everyMs: 2_000 }, { cuts: 10, everyMs: 500 })
  const accepted: string[] = []
  for (let cut = 0; cut < cuts; cut++) {
    const next = pause(everyMs)
    const id = await requestAudit()
    if (id) accepted.push(id)
    await next
    await postgres.cutConnections()
  }
  const back = new Date()
  await expectRecovered(back)
  accepted.push(await requestAccepted())
  expect(accepted.length).toBeGreaterThan(cuts / 2)
  await fleet.expectWhole(accepted, targets)
  expect(await givenUp()).toBe(0)
})
