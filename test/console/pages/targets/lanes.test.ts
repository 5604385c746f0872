import { expect, test } from 'vitest'
import { countsAt, lanesOf, type Span, spanAt } from '../../../../src/console/pages/targets/lanes.ts'

const day = (date: number) => `2026-11-${String(date).padStart(2, '0')}T00:00:00Z`
const span = (rule: string, result: string, from: number, to: number | null): Span =>
  ({
    ...{ fingerprint: rule, policy: 'p', rule, vantage: 'local', result, state: 'open' },
    from: day(from),
    to: to && day(to),
  }) as Span
const at = (date: number) => Date.parse(day(date))

const lanes = lanesOf([
  span('passes', 'pass', 10, null),
  span('fails', 'fail', 12, null),
  span('fails', 'pass', 5, 12),
  span('ended', 'unknown', 5, 8),
])

test('the lanes that are worst at the end come first', () => {
  expect(lanes.map(({ rule }) => rule)).toEqual(['fails', 'ended', 'passes'])
})

test('the spans of a lane are in the order of time', () => {
  expect(lanes[0]?.spans.map(({ result }) => result)).toEqual(['pass', 'fail'])
})

test.each([
  [4, {}],
  [5, { pass: 1, unknown: 1 }],
  [8, { pass: 1 }],
  [12, { fail: 1, pass: 1 }],
  [30, { fail: 1, pass: 1 }],
])('on day %i the lanes count %j', (date, counts) => {
  expect(countsAt(lanes, at(date))).toEqual(counts)
})

test('nothing is known of a lane before and after its spans', () => {
  const ended = lanes.find(({ rule }) => rule === 'ended')
  expect(ended && [spanAt(ended, at(4)), spanAt(ended, at(9))]).toEqual([undefined, undefined])
})

test('a zone without a vantage is named as such', () => {
  const [lane] = lanesOf([{ ...span('r', 'notchecked', 1, null), vantage: 'zone:client' }])
  expect(lane?.from).toBe('client (no vantage)')
})
