import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { nextTicks } from '../../../src/jobs/cron-ticks.ts'
import { publishDigest } from '../../../src/operations/digests/publish-digest.ts'
import { openTestStores, openTestStoresOn, type TestStores } from '../../support/stores.ts'

let stores: TestStores
let other: TestStores
beforeAll(async () => {
  stores = await openTestStores()
  other = await openTestStoresOn(stores.url)
  const webhook = { url: 'https://itsm.example/', description: null, filter: {}, format: 'standard' as const }
  const events = ['digest.daily' as const]
  await stores.webhooks.create(
    'w',
    { ...webhook, events, openAfter: 1, groupBy: null, enabled: true },
    { secret: new Uint8Array(1), authorization: null, requestedBy: 'test' },
  )
})
afterAll(async () => {
  await other.close()
  await stores.close()
})
beforeEach(() => stores.query('DELETE FROM digest'))

const times = { cron: '30 7 * * *', timeZone: 'Europe/Berlin' }
const options = (now: string) => ({
  ...{ now: new Date(now), times },
  nextTicks: ({ cron, timeZone }: typeof times, from: Date, count: number) =>
    nextTicks(cron, timeZone, { from, count }),
})
const at = (now: string, by = stores) => publishDigest(by, options(now))
/** The periods of the digests in the outbox, which it leaves empty. */
const published = async () =>
  (await stores.transaction((tx) => tx.outbox.take(10))).flatMap(({ type, data }) =>
    type === 'digest.daily' ? [`${data.from} ${data.to}`] : [],
  )

test('the first period begins without a digest, and ends at the time of the day in the time zone', async () => {
  await at('2026-03-01T12:00:00Z')
  await at('2026-03-02T06:29:00Z')
  expect(await published()).toEqual([])
  await at('2026-03-02T06:30:00Z')
  await at('2026-03-02T06:31:00Z')
  expect(await published()).toEqual(['2026-03-01T12:00:00.000Z 2026-03-02T06:30:00.000Z'])
})

test('clocks that are set forward move it, and lose none', async () => {
  await at('2026-03-28T06:30:00Z')
  await at('2026-03-29T05:30:30Z')
  expect(await published()).toEqual(['2026-03-28T06:30:00.000Z 2026-03-29T05:30:00.000Z'])
})

test('processes that take it at the same time publish it once', async () => {
  await at('2026-03-01T12:00:00Z')
  await Promise.all([stores, other, stores, other].map((by) => at('2026-03-02T07:00:00Z', by)))
  expect(await published()).toHaveLength(1)
})

test('a process that dies before the commit leaves it to the next one', async () => {
  await at('2026-03-01T12:00:00Z')
  const dying = stores.transaction(async (tx) => {
    await publishDigest({ transaction: (work) => work(tx, stores.db) }, options('2026-03-02T07:00:00Z'))
    throw new Error('killed')
  })
  await expect(dying).rejects.toThrow('killed')
  expect(await published()).toEqual([])
  await at('2026-03-02T09:00:00Z')
  expect(await published()).toHaveLength(1)
})

test('after days without a process one digest is about all of them', async () => {
  await at('2026-03-01T12:00:00Z')
  await at('2026-03-09T08:00:00Z')
  await at('2026-03-09T08:01:00Z')
  expect(await published()).toEqual(['2026-03-01T12:00:00.000Z 2026-03-09T06:30:00.000Z'])
})
