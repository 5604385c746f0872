import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import { rebuiltSpans, recordedSpans } from '../../support/spans.ts'
import { auditIds, finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores({ connections: 6 })
})
afterAll(() => stores.close())

const evidence = (host: string): Evidence => ({ probe: 'tcp', host, port: 1, addresses: {} })
const outcome = fc.record({
  atMs: fc.integer({ min: 1, max: 40 }),
  result: fc.constantFrom('pass', 'fail', 'unknown'),
  state: fc.constantFrom('open', 'closed'),
  reason: fc.constantFrom('as-expected', 'unexpected-state'),
  evidence: fc.constantFrom(null, evidence('a'), evidence('b')),
} satisfies { [K in keyof Partial<NewFinding> | 'atMs']?: fc.Arbitrary<unknown> })
const rules = ['a', 'b', 'c']
/** Audits in the order in which they are recorded; each probed some of the series, at any time. */
const audits = fc.array(
  fc.record({
    position: fc.integer({ min: 0, max: 1000 }),
    seen: fc.array(fc.option(outcome), { minLength: rules.length, maxLength: rules.length }),
    twice: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
)

let made = 0
type Audits = typeof audits extends fc.Arbitrary<infer T> ? T : never

async function recordAll(some: Audits, { concurrency }: { concurrency: boolean }) {
  made += 1
  const series = await makeSeries(stores, [`rebuilt-${made}`], rules)
  const ids = auditIds(some.length)
  // The order of their making is not that of their recording.
  const order = some.map((_, i) => i).sort((a, b) => (some[a]?.position ?? 0) - (some[b]?.position ?? 0))
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
  if (concurrency) await Promise.all(batches.map(record))
  else for (const batch of batches) await record(batch)
  return { targetId: series[0]?.targetId ?? -1, count: batches.reduce((sum, { findings }) => sum + findings.length, 0) }
}

describe('the recorded spans are those that the findings make', () => {
  test.each([
    ['when audits are recorded one after the other, late ones and repeated ones among them', false],
    ['when audits are recorded at the same time', true],
  ])('%s', async (_, concurrency) => {
    await fc.assert(
      fc.asyncProperty(audits, async (some) => {
        const { targetId, count } = await recordAll(some, { concurrency })
        expect(await recordedSpans(stores, targetId)).toEqual(await rebuiltSpans(stores, targetId))
        // And nothing was lost: late findings are kept.
        const kept = await stores.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM finding WHERE target_id = ${targetId}`,
        )
        expect(kept).toEqual([{ count }])
      }),
      { numRuns: 60 },
    )
  })
})
