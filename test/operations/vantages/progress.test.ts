import { expect, test } from 'vitest'
import type { Audit } from '../../../src/domain/audits.ts'
import { findVantageProgress } from '../../../src/operations/vantages/progress.ts'

const startedAt = '2026-11-22T02:00:00.000Z'
const deadlineAt = '2026-11-22T03:00:00.000Z'
const audit = { id: 'a', createdAt: startedAt, startedAt, deadlineAt } as Audit
const waitsUntil = async (lastSeenAt: string | null, done: number, nowAt: string) => {
  const seen = { name: 'branch', kind: 'agent' as const, lastSeenAt: lastSeenAt === null ? null : new Date(lastSeenAt) }
  const summaries = { byVantage: async () => [{ ...seen, done, total: 2 }] } as never
  const [progress] = await findVantageProgress({ summaries }, audit, { now: new Date(nowAt), vantageWaitMs: 60_000 })
  return progress?.waitsUntil
}

test.each([
  ['was never seen, for the time that absent ones get', null, 1, '2026-11-22T02:00:10Z', '2026-11-22T02:01:00.000Z'],
  [
    'was absent before, for that time too',
    '2026-11-22T01:00:00Z',
    1,
    '2026-11-22T02:00:10Z',
    '2026-11-22T02:01:00.000Z',
  ],
  ['left while it ran, until its deadline', '2026-11-22T02:05:00Z', 1, '2026-11-22T02:20:00Z', deadlineAt],
  ['is there, not at all', '2026-11-22T02:00:05Z', 1, '2026-11-22T02:00:10Z', null],
  ['is absent and done, not at all', null, 2, '2026-11-22T02:00:10Z', null],
])('an audit waits for a vantage that %s', async (_, seen, done, now, until) => {
  expect(await waitsUntil(seen, done, now)).toBe(until)
})
