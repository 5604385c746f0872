import { expect, test } from 'vitest'
import { removeVantage } from '../../../src/operations/vantages/remove.ts'
import { listenSilently, startTestApp, type TestApp } from '../../support/app.ts'

const away = { name: 'away', zones: ['elsewhere'] }

async function withApp(env: NodeJS.ProcessEnv, work: (app: TestApp) => Promise<void>): Promise<void> {
  const app = await startTestApp(env)
  try {
    await app.stores.vantages.register(away)
    await work(app)
  } finally {
    await app.stop()
  }
}

/** Accepts an audit whose rule from elsewhere waits for the vantage. */
const accept = async (app: TestApp) => {
  const { port, close } = await listenSilently()
  const auditId = await app.accept({ params: { openPort: port, closedPort: 1 } })
  await expect.poll(async () => (await app.stores.audits.find(auditId))?.progress.done).toBe(3)
  await close()
  return auditId
}

const outcomeOf = async (app: TestApp, auditId: string) => {
  const finding = (await app.findings(auditId)).find(({ vantage }) => vantage === 'away')
  return `${finding?.result} ${finding?.reason.code}`
}

test('an audit does not wait for a vantage that was absent before it began', () =>
  withApp({ PORTWARDEN_VANTAGE_WAIT_MS: '0' }, async (app) => {
    await app.work()
    const auditId = await accept(app)
    const audit = await app.ended(auditId)
    expect(audit).toMatchObject({ status: 'completed', verdict: 'pass', counts: { notchecked: 1 } })
    expect(Date.parse(audit.deadlineAt ?? '')).toBeGreaterThan(Date.parse(audit.finishedAt ?? ''))
    expect(await outcomeOf(app, auditId)).toBe('notchecked vantage-absent')
    const [jobs] = await app.query<{ count: number }>(
      "SELECT count(*)::int FROM pgboss.job WHERE name = 'batch/away' AND state < 'completed'",
    )
    expect(jobs?.count).toBe(0)
  }))

test('it waits as long as it should, for one that came back, and for one that was there when it began', () =>
  withApp({}, async (app) => {
    await app.work()
    await accept(app)
    const { batches } = app.stores
    const seen = (interval: string) =>
      app.query(
        `UPDATE vantage v SET last_seen_at = a.started_at + interval '${interval}' FROM audit a WHERE name = 'away'`,
      )
    const vantages = async (waitMs: number) => (await batches.unserved(waitMs)).map(({ vantage }) => vantage)
    await app.query("UPDATE audit SET started_at = now() - interval '10 minutes'")
    expect(await vantages(3_600_000)).toEqual([])
    expect(await vantages(60_000)).toEqual(['away'])
    await seen('1 second')
    expect(await vantages(60_000)).toEqual([])
    await seen('-1 second')
    expect(await vantages(60_000)).toEqual(['away'])
    await app.query("UPDATE vantage SET last_seen_at = now() WHERE name = 'away'")
    expect(await vantages(0)).toEqual([])
  }))

test('checks of a removed vantage are not checked, and its history stays', () =>
  withApp({}, async (app) => {
    await app.work()
    const auditId = await accept(app)
    await removeVantage(app, 'away', 'test')
    expect(await app.ended(auditId)).toMatchObject({ status: 'completed', verdict: 'pass' })
    expect(await outcomeOf(app, auditId)).toBe('notchecked vantage-removed')
    const next = await app.accept({ params: { openPort: 1, closedPort: 1 } })
    await app.ended(next)
    expect((await app.findings(next)).map(({ vantage }) => vantage)).toContain('zone:elsewhere')
    expect(await outcomeOf(app, auditId)).toBe('notchecked vantage-removed')
  }))
