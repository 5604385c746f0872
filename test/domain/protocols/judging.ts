import { expect, test } from 'vitest'
import { judge } from '../../../src/domain/findings/judge.ts'
import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import type { ResolvedExpectation, ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { observation, ruleThat, type Seen } from '../findings/rules.ts'

/** What is expected of an open port, what was seen of it, and the reason; `as-expected` is a pass. */
export type Row = [claim: string, expect: ResolvedExpectation, seen: Omit<Seen, 'state'>, reason: ReasonCode]

const undecided: readonly ReasonCode[] = [
  'certificate-status-unknown',
  'dns-response-truncated',
  'dns-zone-transfer-unclear',
  'facts-missing',
  'kerberos-realm-not-shown',
  'plain-http-unclear',
  'protocol-timeout',
  'rdp-security-not-tested',
  'response-too-large',
  'redis-refused',
  'smb-dialect-not-tested',
  'smtp-refused-for-now',
  'ssh-refused-for-now',
  'tls-version-not-tested',
]

/** Judges a rule that expects this on one address that was seen so. */
export const judged = (expectation: ResolvedExpectation, seen: Seen, probe: ResolvedRule['probe']) =>
  judge({ ...ruleThat(expectation), probe }, observation(seen), { windowOpen: false })

/** Tests that each row is judged with its reason, as a rule of that probe. */
export const testJudgements = (probe: ResolvedRule['probe'], rows: Row[]) =>
  test.each(rows)('%s', (_, expectation, seen, reason) => {
    const result = reason === 'as-expected' ? 'pass' : undecided.includes(reason) ? 'unknown' : 'fail'
    expect(judged(expectation, { state: 'open', ...seen }, probe)).toEqual({ result, state: 'open', reason })
  })
