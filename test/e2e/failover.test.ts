import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acceptAudit } from '../../src/operations/audits/accept.ts'
import { throughOutages } from '../../src/store/db/outages.ts'
import { ports, startTestAppOn, type TestApp } from '../support/app.ts'
import { query } from '../support/database-server.ts'
import { type Listening, listen } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Postgres15, type Standby, startPostgres15, startStandby } from '../support/peers/postgres15.ts'

/** For a failover on a busy machine. */
const patienceMs = 60_000

describeWithPeers(['postgresql'], 'a primary that crashes', () => {
  let primary: Postgres15
  let standby: Standby
  let app: TestApp
  let listener: Listening
  beforeAll(async () => {
    listener = await listen(createServer())
    primary = await startPostgres15()
    standby = await startStandby(primary.url)
    await query(primary.url, ["ALTER SYSTEM SET synchronous_standby_names = 'standby'", 'SELECT pg_reload_conf()'])
    const [first, second] = [new URL(primary.url), new URL(standby.url)]
    // The standby comes first, so that a client which takes the first host fails.
    const url = `postgresql://postgres@${second.host},${first.host}/postgres?target_session_attrs=read-write`
    app = await startTestAppOn(primary.url, { DATABASE_URL: url, DATABASE_DIRECT_URL: '' })
    await app.work()
  })
  afterAll(async () => {
    await app?.close()
    await standby?.stop()
    await primary?.stop()
    await listener?.close()
  })

  /** A client that tries again with its key until the service has taken the audit. */
  const accept = (key: string): Promise<string> => {
    const params = { openPort: listener.port, closedPort: 1 }
    const request = { policy: ports.name, targets: [{ name: 'host', address: '127.0.0.1' }], params }
    const order = { trigger: 'test', requestedBy: 'test', idempotencyKey: key } as const
    return throughOutages(async () => (await acceptAudit(app, request, order)).auditId, patienceMs)
  }
  const accepted: string[] = []
  const acceptMany = async (name: string, count: number) => {
    for (let i = 0; i < count; i++) accepted.push(await accept(`${name}-${i}`))
  }

  test('loses no audit that was accepted and doubles none, when its standby is promoted', async () => {
    const clients = ['a', 'b', 'c'].map((name) => acceptMany(name, 20))
    while (accepted.length < 10) await pause(10)
    await primary.crash()
    await standby.promote()
    await Promise.all(clients)
    for (const id of accepted) {
      const find = () => throughOutages(() => app.stores.audits.find(id), patienceMs)
      while ((await find())?.finishedAt == null) await pause(50)
    }
    expect(new Set(accepted).size).toBe(60)
    const audits = await query<{ status: string; findings: number }>(standby.url, [
      `SELECT a.status, count(f.series_id)::int AS findings FROM audit a LEFT JOIN finding f ON f.audit_id = a.id GROUP BY a.id`,
    ])
    expect(audits).toEqual(Array(60).fill({ status: 'completed', findings: 4 }))
  })
})
