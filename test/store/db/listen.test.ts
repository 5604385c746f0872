import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { endAudits } from '../../../src/operations/audits/end.ts'
import { auditChannel } from '../../../src/store/audits/finish-audits.ts'
import { listenForNotifications, type Notifications } from '../../../src/store/db/listen.ts'
import { startRelay } from '../../support/relay.ts'
import { auditIds, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

async function listenAt(url = stores.url): Promise<Notifications> {
  const notifications = await listenForNotifications(url)
  onTestFinished(notifications.close)
  return notifications
}

/** Longer than a test may last, so that who is not woken fails. */
const longMs = 1_000_000
const publish = (auditId: string) => stores.query(`NOTIFY ${auditChannel}, '${auditId}'`)
const listeners = () =>
  stores.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'portwarden notifications'`,
  )

/** Whether a promise is fulfilled by the time that what was said before it has been heard. */
async function isSettled(promise: Promise<void>, notifications: Notifications): Promise<boolean> {
  const [marker = ''] = auditIds(1)
  const heard = notifications.waitForEnd(marker, longMs)
  await publish(marker)
  await heard
  return Promise.race([promise.then(() => true), Promise.resolve(false)])
}

describe('who waits for an audit', () => {
  test('is woken by its end, together with all others who wait for it', async () => {
    const notifications = await listenAt()
    const { auditId } = await startAudit(stores)
    const waiting = [1, 2, 3].map(() => notifications.waitForEnd(auditId, longMs))
    await stores.endAudit({ id: auditId })
    await Promise.all(waiting)
    expect(await stores.audits.find(auditId)).toMatchObject({ status: 'completed' })
  })

  test('is not woken by the end of another, nor by an end that was rolled back', async () => {
    const notifications = await listenAt()
    const [one, other] = [await startAudit(stores), await startAudit(stores)]
    const waiting = notifications.waitForEnd(one.auditId, longMs)
    await stores.endAudit({ id: other.auditId })
    await stores
      .transaction(async (tx) => {
        await endAudits(tx, [{ id: one.auditId }])
        throw new Error('rolled back')
      })
      .catch(() => {})
    expect(await isSettled(waiting, notifications)).toBe(false)
    await publish(one.auditId)
    await waiting
  })

  test('waits no longer than given', async () => {
    const notifications = await listenAt()
    const [auditId = ''] = auditIds(1)
    await notifications.waitForEnd(auditId, 1)
  })
})

describe('who waits for a batch of a vantage', () => {
  const check = { targetId: 1, seriesId: 1, rule: 0, host: '127.0.0.1', indirect: false }
  const batchOf = (auditId: string, checks: number) => ({
    ...{ auditId, vantage: 'here', vantageId: 1, rules: [] },
    checks: Array.from({ length: checks }, () => check),
  })

  test('is woken by one of the size that it waits for, when its transaction ends, and by none of another vantage', async () => {
    const notifications = await listenAt()
    const never = new AbortController()
    const wait = (vantage: string, large = false) =>
      notifications.waitForBatch({ vantage, large }, longMs, never.signal)
    const { auditId } = await startAudit(stores)
    const [any, large, elsewhere] = [wait('here'), wait('here', true), wait('elsewhere')]
    await stores.transaction((tx) => tx.batches.create([batchOf(auditId, 25)]))
    await any
    expect(await isSettled(large, notifications)).toBe(false)
    const next = wait('here')
    await stores.transaction((tx) => tx.batches.create([batchOf(auditId, 1), batchOf(auditId, 26)]))
    await Promise.all([next, large])
    expect(await isSettled(elsewhere, notifications)).toBe(false)
    never.abort()
  })
})

describe('a lost connection', () => {
  test('wakes everybody when it is back, and hears again', async () => {
    const notifications = await listenAt()
    const [auditId = '', next = ''] = auditIds(2)
    const waiting = notifications.waitForEnd(auditId, longMs)
    const [{ pid } = { pid: 0 }] = await listeners()
    await stores.query(`SELECT pg_terminate_backend(${pid})`)
    await waiting
    const heard = notifications.waitForEnd(next, longMs)
    await publish(next)
    await heard
    expect((await listeners()).map((row) => row.pid)).not.toContain(pid)
  })

  test('is opened again after an outage, and once', async () => {
    const relay = await startRelay(stores.url)
    onTestFinished(relay.stop)
    const notifications = await listenAt(relay.url)
    const [auditId = '', next = ''] = auditIds(2)
    const waiting = notifications.waitForEnd(auditId, longMs)
    relay.cut()
    await expect.poll(relay.refused).toBeGreaterThanOrEqual(2)
    relay.mend()
    await waiting
    const heard = notifications.waitForEnd(next, longMs)
    await publish(next)
    await heard
    expect(await listeners()).toHaveLength(1)
  })
})

test('a listener whose database is not there says so, and does not go on trying', async () => {
  const relay = await startRelay(stores.url)
  onTestFinished(relay.stop)
  relay.cut()
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  await expect(listenForNotifications(relay.url)).rejects.toThrow()
  await new Promise(setImmediate) // the failed connection says that it has ended a turn later
  expect(timers()).toBe(before)
})

test('closing ends the connection', async () => {
  const notifications = await listenForNotifications(stores.url)
  await expect.poll(listeners).toHaveLength(1) // those of the tests before have gone
  await notifications.close()
  await expect.poll(listeners).toEqual([])
})
