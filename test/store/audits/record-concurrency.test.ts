import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import { rebuiltSpans, recordedSpans } from '../../support/spans.ts'
import {
  auditIds,
  finding,
  makeSeries,
  openTestStores,
  openTestStoresOn,
  startAudit,
  type TestStores,
} from '../../support/stores.ts'

let stores: TestStores
/** As several processes have them: one process records together what comes at the same time. */
let processes: TestStores[]
beforeAll(async () => {
  stores = await openTestStores({ connections: 4 })
  const others = await Promise.all([1, 2].map(() => openTestStoresOn(stores.url, { connections: 4 })))
  processes = [...others, stores]
})
afterAll(async () => {
  for (const one of processes) await one.close()
})

const outcome = `concat_ws(' ', result, state, reason_id, evidence_id)`

/** Pseudorandom numbers, the same in every run. */
function numbers(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

describe('audits that record the same series at the same time', () => {
  const results = ['pass', 'fail', 'unknown'] as const
  const rounds = Array.from({ length: 40 }, (_, seed) => seed + 1)

  test.each(rounds)('leave the spans that their findings make, round %i', async (seed) => {
    const below = numbers(seed)
    const series = await makeSeries(stores, [`t${seed}`], ['a', 'b', 'c', 'd'])
    const targetId = series[0]?.targetId ?? -1
    const audits = auditIds(6)
    const batches = await Promise.all(
      audits.map(async (id) => {
        const started = await startAudit(stores, { id, total: series.length })
        // Half of the audits probe in the order of their creation, half at any time.
        const findings: NewFinding[] = series.map((one, i) =>
          finding(one, 10_000 + below(40) * 10 + i, { result: results[below(3)] ?? 'pass' }),
        )
        return { ...started, findings: below(2) === 0 ? findings : findings.toReversed() }
      }),
    )
    await Promise.all(batches.map((batch, i) => processes[i % processes.length]?.record(batch)))

    const spans = await recordedSpans(stores, targetId)
    expect(spans).toEqual(await rebuiltSpans(stores, targetId))
    expect([...spans.keys()].sort()).toEqual(series.map((one) => one.seriesId).sort())
    expect([...spans.values()].every((some) => some.at(-1)?.toAt === null)).toBe(true)
    const newest = await stores.query<{ series: number; outcome: string }>(
      `SELECT DISTINCT ON (series_id) series_id AS series, ${outcome} AS outcome FROM finding
       WHERE target_id = ${targetId} AND flags & 2 = 0 ORDER BY series_id, observed_at DESC`,
    )
    const open = await stores.query(
      `SELECT series_id AS series, ${outcome} AS outcome FROM span WHERE target_id = ${targetId} AND to_at IS NULL ORDER BY 1`,
    )
    expect(open).toEqual(newest)
    const lateWithoutNewer = await stores.query(
      `SELECT FROM finding f WHERE target_id = ${targetId} AND flags & 2 <> 0 AND NOT EXISTS (
         SELECT FROM finding n WHERE n.target_id = f.target_id AND n.series_id = f.series_id
           AND n.audit_id <> f.audit_id AND n.observed_at >= f.observed_at AND n.flags & 2 = 0)`,
    )
    expect(lateWithoutNewer).toEqual([])
  })
})
