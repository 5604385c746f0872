import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../src/domain/evidence.ts'
import { buildSpans, type SeriesSpan } from '../../src/domain/spans.ts'
import type { NewFinding } from '../../src/store/record.ts'
import { auditIds, finding, makeSeries, openTestStores, startAudit, type TestStores } from '../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores({ connections: 6 })
})
afterAll(() => stores.close())

interface Row {
  series: number
  result: string
  state: string
  reason: string
  evidence: string
}
const content = `result::text, state::text, reason_id::text AS reason, evidence_id::text AS evidence`
const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`

/** What recording wrote, by series. */
async function recorded(targetId: number): Promise<Map<number, SeriesSpan[]>> {
  const rows = await stores.query<Row & { fromAt: number; toAt: number | null }>(
    `SELECT series_id AS series, ${content}, ${ms('from_at')} AS "fromAt", ${ms('to_at')} AS "toAt"
     FROM span WHERE target_id = ${targetId} ORDER BY series_id, from_at`,
  )
  return bySeries(rows, (some) => some.map(({ series: _, ...span }) => span))
}

/** What the findings that did not come late make, by series. */
async function rebuilt(targetId: number): Promise<Map<number, SeriesSpan[]>> {
  const rows = await stores.query<Row & { observedAt: number }>(
    `SELECT series_id AS series, ${content}, ${ms('observed_at')} AS "observedAt"
     FROM finding WHERE target_id = ${targetId} AND flags & 2 = 0 ORDER BY random()`,
  )
  return bySeries(rows, (some) => buildSpans(some.map(({ series: _, ...point }) => point)))
}

function bySeries<R extends Row>(rows: R[], toSpans: (rows: R[]) => SeriesSpan[]): Map<number, SeriesSpan[]> {
  return new Map([...Map.groupBy(rows, ({ series }) => series)].sort().map(([id, some]) => [id, toSpans(some)]))
}

const evidence = (host: string): Evidence => ({ probe: 'tcp', host, port: 1, addresses: {} })
const outcome = fc.record({
  atMs: fc.integer({ min: 1, max: 40 }),
  result: fc.constantFrom('pass', 'fail', 'unknown'),
  state: fc.constantFrom('open', 'closed'),
  reason: fc.constantFrom('as-expected', 'unexpected-state'),
  evidence: fc.constantFrom(null, evidence('a'), evidence('b')),
} satisfies { [K in keyof Partial<NewFinding> | 'atMs']?: fc.Arbitrary<unknown> })
const rules = ['a', 'b', 'c']
/** Audits in the order in which they are recorded; each looked at some of the series, at any time. */
const audits = fc.array(
  fc.record({
    place: fc.integer({ min: 0, max: 1000 }),
    seen: fc.array(fc.option(outcome), { minLength: rules.length, maxLength: rules.length }),
    twice: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
)

let made = 0
type Audits = typeof audits extends fc.Arbitrary<infer T> ? T : never

async function recordAll(some: Audits, { atOnce }: { atOnce: boolean }) {
  made += 1
  const series = await makeSeries(stores, [`rebuilt-${made}`], rules)
  const ids = auditIds(some.length)
  // The order of their making is not that of their recording.
  const order = some.map((_, i) => i).sort((a, b) => (some[a]?.place ?? 0) - (some[b]?.place ?? 0))
  const batches = await Promise.all(
    some.map(async ({ seen, twice }, i) => {
      const started = await startAudit(stores, { id: ids[order.indexOf(i)] ?? '' })
      const findings = seen.flatMap((one, j) => {
        const target = series[j]
        if (!one || !target) return []
        const { atMs, ...more } = one
        return [finding(target, atMs * 1000, more)]
      })
      return { ...started, findings, twice }
    }),
  )
  const record = async ({ twice, ...batch }: (typeof batches)[number]) => {
    await stores.record(batch)
    if (twice) await stores.record(batch)
  }
  if (atOnce) await Promise.all(batches.map(record))
  else for (const batch of batches) await record(batch)
  return { targetId: series[0]?.targetId ?? -1, count: batches.reduce((sum, { findings }) => sum + findings.length, 0) }
}

describe('the recorded spans are those that the findings make', () => {
  test.each([
    ['when audits are recorded one after the other, late ones and repeated ones among them', false],
    ['when audits are recorded at the same time', true],
  ])(
    '%s',
    async (_, atOnce) => {
      await fc.assert(
        fc.asyncProperty(audits, async (some) => {
          const { targetId, count } = await recordAll(some, { atOnce })
          expect(await recorded(targetId)).toEqual(await rebuilt(targetId))
          // And nothing was lost: late findings are kept.
          const kept = await stores.query<{ count: number }>(
            `SELECT count(*)::int AS count FROM finding WHERE target_id = ${targetId}`,
          )
          expect(kept).toEqual([{ count }])
        }),
        { numRuns: 60 },
      )
    },
    120_000,
  )
})
