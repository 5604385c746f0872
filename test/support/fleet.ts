import { createServer } from 'node:net'
import { expect } from 'vitest'
import { ports, startTestApp, startTestAppOn, type TestApp } from './app.ts'
import { environment, portwarden } from './commands.ts'
import { type Listening, listen } from './listen.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { type PeerProcess, spawnPeer } from './processes.ts'
import { rebuiltSpans, recordedSpans } from './spans.ts'

/** The full count with PORTWARDEN_SURVIVAL=full, else a smaller one. */
export const inFull = <T>(full: T, short: T): T => (process.env.PORTWARDEN_SURVIVAL === 'full' ? full : short)

const program = portwarden('serve')
/** Two vantages give several batches; few connections, because many processes share a server. */
const settings = {
  PORTWARDEN_VANTAGE: 'office,branch',
  PORTWARDEN_ZONES: 'office=client;branch=elsewhere',
  PORTWARDEN_DATABASE_CONNECTIONS: '4',
}
export const targetsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `host-${i}`, address: '127.0.0.1' }))

/** A worker process for both vantages. */
export const startWorker = (databaseUrl: string, env: Record<string, string> = {}): Promise<PeerProcess> =>
  spawnPeer(process.execPath, [...program, '--role', 'worker'], {
    env: environment(databaseUrl, { ...settings, PORTWARDEN_PROBE_TIMEOUT_MS: '30000', ...env }),
    ready: /works for the vantage/,
  })

export interface Fleet extends Omit<TestApp, 'stop'>, Peer {
  startWorker(env?: Record<string, string>): Promise<PeerProcess>
  /** Accepts an audit of this many targets, with four findings each. */
  acceptFor(targets: number, params: Record<string, number>): Promise<string>
  /** Fails unless each audit has every planned finding exactly once, and spans that match. */
  expectWhole(auditIds: readonly string[], targets: number): Promise<void>
}

/** A database, new by default, for worker processes that start and stop. */
export async function startFleet(databaseUrl?: string): Promise<Fleet> {
  const app = await (databaseUrl === undefined ? startTestApp(settings) : startTestAppOn(databaseUrl, settings))
  const workers: PeerProcess[] = []
  const endWorkers = async () => void (await Promise.all(workers.map((worker) => worker.end())))
  const facts = {
    ...app,
    async startWorker(env?: Record<string, string>) {
      const worker = await startWorker(app.url, env)
      workers.push(worker)
      return worker
    },
    acceptFor: (targets: number, params: Record<string, number>) => app.accept({ params, targets: targetsOf(targets) }),
    expectWhole: (auditIds: readonly string[], targets: number) => expectWhole(app, auditIds, targets),
  }
  return asPeer(facts, endWorkers, app.stop)
}

const demanded = (targets: number) =>
  targetsOf(targets)
    .flatMap(({ name }) =>
      ports.rules.map(({ id, from }) => `${name} ${id} ${from[0] === 'client' ? 'office' : 'branch'}`),
    )
    .sort()

async function expectWhole(app: TestApp, auditIds: readonly string[], targets: number): Promise<void> {
  const expected = demanded(targets)
  for (const id of auditIds) {
    const audit = await app.ended(id)
    const progress = { done: expected.length, total: expected.length }
    expect(audit).toMatchObject({ status: 'completed', error: null, progress })
    const rows = await app.query<{ finding: string }>(
      `SELECT concat_ws(' ', t.name, r.name, v.name) AS finding
       FROM finding f JOIN target t ON t.id = f.target_id JOIN series s ON s.target_id = f.target_id AND s.id = f.series_id
         JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id WHERE f.audit_id = '${id}'`,
    )
    expect(rows.map(({ finding }) => finding).sort()).toEqual(expected)
    expect(Object.values(audit.counts).reduce((sum, count) => sum + count)).toBe(expected.length)
  }
  for (const { id } of await app.query<{ id: number }>('SELECT id FROM target')) {
    expect(await recordedSpans(app, id)).toEqual(await rebuiltSpans(app, id))
  }
}

/** A port that closes after `afterMs`, so that a probe takes that long without load. */
export const listenSlowly = (afterMs: number): Promise<Listening> =>
  listen(
    createServer((socket) => {
      const timer = setTimeout(() => socket.destroy(), afterMs)
      socket.on('error', () => {}).once('close', () => clearTimeout(timer))
    }),
  )
