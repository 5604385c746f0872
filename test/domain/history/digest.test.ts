import { expect, test } from 'vitest'
import { type DigestContent, summarize } from '../../../src/domain/history/digest.ts'

const none = { regressed: 0, recovered: 0, changed: 0, obscured: 0, clarified: 0, appeared: 0, vanished: 0 }
const quiet: DigestContent = {
  from: '2026-11-21T06:00:00.000Z',
  to: '2026-11-22T06:00:00.000Z',
  audits: 2,
  changes: none,
  checks: { total: 1300, failing: 0, waived: 0, unknown: 0 },
  unknown: [],
  ending: { counts: { certificate: 0, waiver: 0, window: 0 }, items: [] },
  missedRuns: { total: 0, newest: [] },
}

test.each<[string, Partial<DigestContent>, string]>([
  [
    'that nothing changed, beside what was audited',
    {},
    'Nothing changed since 2026-11-21 06:00 UTC. 2 audits ended. Of 1,300 checks, 0 fail, 0 are not known.',
  ],
  [
    'that nothing was audited',
    { audits: 0 },
    'No audit ended since 2026-11-21 06:00 UTC, so nothing was checked again. Of 1,300 checks, 0 fail, 0 are not known.',
  ],
  [
    'what changed, ends soon and was missed',
    {
      ...{ audits: 1, changes: { ...none, regressed: 3, vanished: 1 } },
      checks: { total: 1300, failing: 3, waived: 2, unknown: 5 },
      ending: { counts: { certificate: 2, waiver: 1, window: 0 }, items: [] },
      missedRuns: { total: 1, newest: [] },
    },
    '3 regressed, 1 vanished since 2026-11-21 06:00 UTC. 1 audit ended. Of 1,300 checks, 3 fail, 2 fail and are waived, 5 are not known. ' +
      'Ends within 14 days: 2 certificates, 1 waiver. 1 scheduled run had no audit.',
  ],
])('a digest says %s', (_, more, text) => {
  expect(summarize({ ...quiet, ...more })).toBe(text)
})
