import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endAtDeadline } from '../../../src/operations/audits/deadlines.ts'
import { listenSilently, startTestApp, type TestApp } from '../../support/app.ts'
import { listenHolding } from '../../support/holding.ts'
import type { Listening } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'

let target: Listening
let closedPort: number
beforeAll(async () => {
  target = await listenSilently()
  closedPort = await freePort()
})
afterAll(() => target?.close())

const params = () => ({ openPort: target.port, closedPort })
const vantage = { name: 'away', zones: ['elsewhere'] }

async function withApp(work: (app: TestApp) => Promise<void>): Promise<void> {
  const app = await startTestApp()
  try {
    await work(app)
  } finally {
    await app.stop()
  }
}

/** Lets the deadline of an audit come now. */
const reachDeadline = (app: TestApp, auditId: string) =>
  app.query(`UPDATE audit SET deadline_at = now() WHERE id = '${auditId}'`)

const summary = async (app: TestApp, auditId: string) =>
  (await app.findings(auditId))
    .filter(({ result }) => result !== 'notapplicable')
    .map(({ rule, vantage, result, reason }) => `${rule} ${vantage} ${result} ${reason.code}`)

describe.concurrent('an audit with a deadline', () => {
  test('ends by itself when a vantage is absent: its checks are notchecked, the others stand', ({ expect }) =>
    withApp(async (app) => {
      await app.stores.vantages.register(vantage)
      await app.work()
      const auditId = await app.accept({ params: params() })
      await expect.poll(async () => (await app.stores.audits.find(auditId))?.progress.done).toBe(3)
      await reachDeadline(app, auditId)
      const audit = await app.ended(auditId)
      expect(audit).toMatchObject({ status: 'completed', verdict: 'pass', progress: { done: 4, total: 4 } })
      expect(audit.finishedAt && audit.deadlineAt && audit.finishedAt >= audit.deadlineAt).toBe(true)
      expect(await summary(app, auditId)).toEqual([
        'must-be-open local pass as-expected',
        'must-be-unreachable local pass as-expected',
        'from-elsewhere away notchecked vantage-absent',
      ])
      const [jobs] = await app.query<{ count: number }>(
        "SELECT count(*)::int FROM pgboss.job WHERE name = 'batch/away' AND state < 'completed'",
      )
      expect(jobs?.count).toBe(0)
    }))

  test('calls a check unknown where the vantage is there and has not made it', () =>
    withApp(async (app) => {
      await app.stores.vantages.register(vantage)
      await app.stores.vantages.touch(vantage.name)
      await app.work()
      const auditId = await app.accept({ params: params(), deadlineSeconds: 1 })
      expect(await app.ended(auditId)).toMatchObject({ status: 'completed', verdict: 'inconclusive' })
      expect(await summary(app, auditId)).toContain('from-elsewhere away unknown audit-deadline')
    }))

  test('takes nothing any more from a worker that was in the middle of a batch when it came', async () => {
    await using slow = await listenHolding()
    const app = await startTestApp({ PORTWARDEN_PROBE_TIMEOUT_MS: '20000' })
    await app.work()
    const auditId = await app.accept({ params: { ...params(), httpsPort: slow.port } })
    await slow.holds()
    await reachDeadline(app, auditId)
    expect(await app.ended(auditId)).toMatchObject({ status: 'completed', counts: { unknown: 3, pass: 0 } })
    const before = await app.findings(auditId)
    expect(before.map(({ reason }) => reason.code)).toContain('audit-deadline')
    slow.release()
    await app.close() // waits for the batch
    const rows = await app.query<{ count: number }>(
      `SELECT count(*)::int FROM finding f JOIN reason r ON r.id = f.reason_id WHERE r.code = 'audit-deadline'`,
    )
    expect(rows).toEqual([{ count: 3 }])
    await app.stop()
  })

  test('has failed where no worker planned it until then', () =>
    withApp(async (app) => {
      const auditId = await app.accept({ params: params(), deadlineSeconds: 1 }, new Date())
      await endAtDeadline({ ...app, dropBatches: async () => {} }, auditId)
      const audit = await app.ended(auditId)
      expect(audit).toMatchObject({ status: 'failed', error: 'the deadline came before the audit was planned' })
    }))

  test('stays as it is where it has ended before', () =>
    withApp(async (app) => {
      await app.work()
      const auditId = await app.accept({ params: params() })
      const before = await app.ended(auditId)
      const findings = await app.findings(auditId)
      await endAtDeadline({ ...app, dropBatches: async () => {} }, auditId)
      expect(await app.stores.audits.find(auditId)).toEqual(before)
      expect(await app.findings(auditId)).toEqual(findings)
    }))

  test('has one hour by default, else the requested time', () =>
    withApp(async (app) => {
      const lengthOf = async (deadlineSeconds?: number) => {
        const audit = await app.stores.audits.find(await app.accept({ params: params(), deadlineSeconds }))
        return Math.round((Date.parse(audit?.deadlineAt ?? '') - Date.parse(audit?.createdAt ?? '')) / 1000)
      }
      expect(await lengthOf()).toBe(3600)
      expect(await lengthOf(90)).toBe(90)
    }))
})
