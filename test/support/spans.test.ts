import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildSpans, type SeriesPoint } from './spans.ts'

const point = (observedAt: number, more: Partial<SeriesPoint> = {}): SeriesPoint => ({
  observedAt,
  result: 'pass',
  state: 'open',
  reason: 'as-expected',
  evidence: 'a',
  ...more,
})
const periods = (...points: SeriesPoint[]) => buildSpans(points).map(({ fromAt, toAt }) => [fromAt, toAt])

describe('the spans of a series', () => {
  test('are none without a finding, and one open span with the first', () => {
    expect(buildSpans([])).toEqual([])
    const { observedAt, ...content } = point(1)
    expect(buildSpans([point(1)])).toEqual([{ ...content, fromAt: observedAt, toAt: null }])
  })

  test.each([
    ['result', { result: 'fail' }],
    ['state', { state: 'filtered' }],
    ['reason', { reason: 'no-response' }],
    ['evidence', { evidence: 'b' }],
    ['evidence, to none', { evidence: null }],
  ])('end and begin exactly where the %s changes', (_, change) => {
    expect(periods(point(1), point(2), point(3, change), point(4, change), point(5))).toEqual([
      [1, 3],
      [3, 5],
      [5, null],
    ])
  })

  test('do not depend on the order of the findings', () => {
    expect(periods(point(3), point(1), point(2, { result: 'fail' }))).toEqual(
      periods(point(1), point(2, { result: 'fail' }), point(3)),
    )
  })

  const points = fc.uniqueArray(
    fc.record({
      observedAt: fc.integer({ min: 0, max: 1000 }),
      result: fc.constantFrom('pass', 'fail', 'unknown'),
      state: fc.constantFrom('open', 'closed'),
      reason: fc.constantFrom('as-expected', 'no-response'),
      evidence: fc.constantFrom('a', 'b', null),
    }),
    { selector: ({ observedAt }) => observedAt },
  )

  test('follow each other without gap or overlap, differ from their neighbours, and hold every finding', () => {
    fc.assert(
      fc.property(points, (some) => {
        const spans = buildSpans(some)
        const contentOf = ({ result, state, reason, evidence }: Omit<SeriesPoint, 'observedAt'>) =>
          JSON.stringify([result, state, reason, evidence])
        spans.forEach((span, i) => {
          const next = spans[i + 1]
          expect(span.toAt).toBe(next?.fromAt ?? null)
          if (next) expect(contentOf(span)).not.toBe(contentOf(next))
        })
        for (const one of some) {
          const holding = spans.filter(
            ({ fromAt, toAt }) => fromAt <= one.observedAt && one.observedAt < (toAt ?? Infinity),
          )
          expect(holding.map(contentOf)).toEqual([contentOf(one)])
        }
      }),
    )
  })

  test('are as many as the changes: repetitions add none', () => {
    fc.assert(
      fc.property(points, (some) => {
        const sorted = some.toSorted((a, b) => a.observedAt - b.observedAt)
        const repeated = sorted.flatMap((one) => [one, { ...one, observedAt: one.observedAt + 0.5 }])
        expect(buildSpans(repeated)).toEqual(buildSpans(some))
      }),
    )
  })
})
