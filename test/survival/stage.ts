import { expect, vi } from 'vitest'
import { listenSilently, ports } from '../support/app.ts'
import { environment, type Service, startServiceProcess } from '../support/commands.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import { asPeer, type Peer } from '../support/peers/peer.ts'
import { freePort } from '../support/ports.ts'
import type { PeerProcess } from '../support/processes.ts'
import { type SilentRelay, startSilentRelay } from '../support/silent-relay.ts'
import { type StoppablePostgres, startStoppablePostgres } from '../support/stoppable-postgres.ts'
import { makeTempDir } from '../support/temp-dir.ts'

/** What is promised: a new audit completes within this time after any of the cases, with no restart. */
export const recoveryMs = 60_000
const targets = 5

/** The service in its parts: an API process and two workers, whose database is behind an address that can move. */
export interface Stage extends Peer {
  postgres: StoppablePostgres
  relay: SilentRelay
  fleet: Fleet
  api(): Service
  workers: PeerProcess[]
  /** Starts a worker, or replaces the API process. */
  startWorker(env?: Record<string, string>): Promise<void>
  replaceApi(env?: Record<string, string>): Promise<void>
  /** Requests an audit; undefined while the service is not available. */
  request(): Promise<string | undefined>
  /** Fails unless a new audit completes in time; returns how long that took, in ms. */
  expectRecovered(): Promise<number>
  /** Fails unless every accepted audit is complete, exactly once, and the ledger is intact. */
  expectNothingLost(): Promise<number>
}

export async function startStage(): Promise<Stage> {
  const postgres = await startStoppablePostgres()
  const fleet = await startFleet(postgres.url) // migrates, and asks the database directly
  const relay = await startSilentRelay(postgres.url)
  const open = await listenSilently()
  const params = { openPort: open.port, closedPort: await freePort() }
  const directory = await makeTempDir('survival')
  const startApi = (env: Record<string, string> = {}) =>
    startServiceProcess(relay.url, { ...env, PORTWARDEN_DATA_DIR: directory.path }, 'api')
  let api = await startApi()
  const workers: PeerProcess[] = []
  const accepted: string[] = []

  const startWorker = async (env: Record<string, string> = {}) => {
    workers.push(await fleet.startWorker({ ...environment(relay.url), ...env } as Record<string, string>))
  }
  const request = async () => {
    const body = JSON.stringify({
      policy: ports.name,
      targets: Array.from({ length: targets }, (_, i) => ({ name: `host-${i}`, address: '127.0.0.1' })),
      params,
    })
    const headers = { 'content-type': 'application/json' }
    const signal = AbortSignal.timeout(recoveryMs)
    // No response is an outage, which the cases cause.
    const response = await api.call('/v1/audits', { method: 'POST', headers, body, signal }).catch(() => undefined)
    if (response?.status !== 202) {
      await response?.body?.cancel()
      if (response) expect(response.status).toBe(503)
      return undefined
    }
    const { id } = (await response.json()) as { id: string }
    accepted.push(id)
    return id
  }
  const statusOf = async (id: string) => {
    // As above: the caller asks again.
    const response = await api.call(`/v1/audits/${id}`).catch(() => undefined)
    return response?.status === 200 ? ((await response.json()) as { status: string }).status : undefined
  }
  await startWorker()
  await startWorker()

  const facts = {
    postgres,
    relay,
    fleet,
    api: () => api,
    workers,
    startWorker,
    async replaceApi(env: Record<string, string> = {}) {
      const previous = api
      api = await startApi(env)
      await previous.stop()
    },
    request,
    async expectRecovered() {
      const from = performance.now()
      const options = { timeout: recoveryMs, interval: 200 }
      const id = await vi.waitFor(async () => (await request()) ?? expect.fail('not accepted'), options)
      const left = recoveryMs - (performance.now() - from)
      await vi.waitFor(async () => expect(await statusOf(id)).toBe('completed'), { timeout: left, interval: 200 })
      return performance.now() - from
    },
    async expectNothingLost() {
      await fleet.expectWhole(accepted, targets)
      const verification = await fleet.stores.ledger.verify({ from: 1, limit: 1_000_000, findings: 1_000_000 })
      expect(verification).toMatchObject({ verdict: 'intact' })
      const [off] = await fleet.query<{ count: number }>(
        `SELECT count(*)::int FROM finding WHERE observed_at NOT BETWEEN now() - interval '1 day' AND now() + interval '1 minute'`,
      )
      expect(off).toEqual({ count: 0 })
      return accepted.length
    },
  }
  return asPeer(
    facts,
    () => api.stop(),
    () => fleet.stop(),
    async () => relay[Symbol.asyncDispose](),
    () => postgres.stop(),
    () => open.close(),
    directory.remove,
  )
}
