import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flapRates } from '../../../src/store/history/flapping.ts'
import { at, auditIds, finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]

/** Audits a target once for each letter: `p` passes, `f` fails. */
async function observe(target: string, letters: string): Promise<Series> {
  const [series] = await makeSeries(stores, [target])
  if (!series) throw new Error('no series')
  for (const [i, id] of auditIds(letters.length).entries()) {
    const started = await startAudit(stores, { id, targetIds: [series.targetId] })
    const result = letters[i] === 'f' ? 'fail' : 'pass'
    await stores.record({ ...started, findings: [finding(series, i * 1000, { result })] })
    await stores.endAudit({ id })
  }
  return series
}
const rateOf = async (series: Series) => (await flapRates(stores.db, [series])).get(series.seriesId)

describe('a series flaps', () => {
  test.each([
    ['every-time', 'pfpfpfpfpfp', { changes: 10, observations: 11, share: 1 }],
    ['now-and-then', 'ppppppppfpf', undefined], // 3 of 10: not more than the share
    ['just-enough', 'pppppppfpfp', { changes: 4, observations: 11, share: 0.4 }],
    ['once', 'pppppfffff', undefined],
    ['never', 'pppppppp', undefined],
    ['long-ago', 'pfpfpfpfpfpppppppppppp', undefined],
    ['of-late', 'ppppppppppppppppfpfpf', { changes: 5, observations: 11, share: 0.5 }],
    ['young', 'pfp', { changes: 2, observations: 3, share: 1 }],
    ['too-young', 'pf', undefined],
  ])('by its last observations: %s', async (target, letters, rate) => {
    expect(await rateOf(await observe(target, letters))).toEqual(rate)
  })

  test('by itself: others that were audited meanwhile change nothing', async () => {
    const [flaps, calm] = await makeSeries(stores, ['flaps', 'calm'])
    if (!flaps || !calm) throw new Error('no series')
    for (const [i, id] of auditIds(12).entries()) {
      const started = await startAudit(stores, { id })
      const result = i % 4 < 2 ? 'pass' : 'fail'
      await stores.record({ ...started, findings: [i % 2 ? finding(calm, i) : finding(flaps, i, { result })] })
    }
    const rates = await flapRates(stores.db, [flaps, calm])
    expect([...rates.keys()]).toEqual([flaps.seriesId])
    expect(rates.get(flaps.seriesId)).toEqual({ changes: 5, observations: 6, share: 1 })
  })

  test('and stays one item of a drift report, marked with its share', async () => {
    await observe('reported', 'pfpfpfpf')
    const drift = await stores.drift.compare({ time: at(0) }, { time: at(60_000) }, { target: 'reported' })
    expect(drift.summary.regressed).toBe(1)
    expect((await drift.page({ limit: 10 })).items).toMatchObject([
      { class: 'regressed', flapping: { changes: 7, observations: 8, share: 1 } },
    ])
  })
})

test('a series that does not flap is not marked in a drift report', async () => {
  await observe('steady', 'ppppf')
  const drift = await stores.drift.compare({ time: at(0) }, { time: at(60_000) }, { target: 'steady' })
  expect((await drift.page({ limit: 10 })).items).toMatchObject([{ class: 'regressed', flapping: null }])
})

test('an empty list of series runs no query', async () => {
  expect(await flapRates(stores.db, [])).toEqual(new Map())
})
