import { expect, test } from 'vitest'
import { type BindAttempt, withholdBind } from '../../../src/domain/vantages/binds.ts'

const now = new Date('2026-01-02T12:00:00Z')
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000)

/** A bind of another audit, with its result, by the minutes since then. */
const attempt = (minutes: number, more: Partial<BindAttempt> = {}): BindAttempt => ({
  isForeign: false,
  auditId: 'another',
  credential: 'c1',
  vantage: 'branch',
  host: 'dc1',
  port: 389,
  startedAt: minutesAgo(minutes),
  leasedUntil: minutesAgo(minutes - 0.1),
  outcome: 'refused',
  reason: 'ldap-invalid-credentials',
  ...more,
})
const accepted = { outcome: 'accepted', reason: 'ldap-bind-ok' } as const
const harmless = { outcome: 'harmless', reason: 'ldap-account-disabled' } as const
const lost = { outcome: null, reason: null } as const
const here = { auditId: 'this' }
const other = { credential: 'c2' }
const foreign = { isForeign: true, credential: 'f1' }

test.each<[string, BindAttempt[]]>([
  ['an account without binds', []],
  ['one that was accepted in the audit', [attempt(1, { ...here, ...accepted })]],
  ['a credential after its pause of an hour', [attempt(61)]],
  ['a credential whose last bind was accepted', [attempt(1, accepted), attempt(2)]],
  ['a changed credential after one refusal', [attempt(1, other)]],
  ['a changed credential an hour after the first of two refusals', [attempt(1, other), attempt(61, other)]],
  ['an account an hour after a foreign refusal', [attempt(61, foreign), attempt(62, foreign)]],
  ['an account after a foreign bind with the right password', [attempt(1, { ...foreign, ...harmless })]],
  ['a credential whose password was right', [attempt(1, harmless), attempt(2, harmless), attempt(3, harmless)]],
])('%s may bind', (_, attempts) => {
  expect(withholdBind(attempts, { auditId: 'this', credential: 'c1' }, now)).toBeUndefined()
})

const elsewhere = { vantage: 'branch', auditId: 'another' }
const inAudit = { vantage: 'branch', host: 'dc1', port: 389 }
const at = (minutes: number) => ({ until: minutesAgo(-minutes).toISOString() })
const refused = { reason: 'ldap-invalid-credentials' }
test.each<[string, BindAttempt[], string, object]>([
  ['after a refusal in the audit', [attempt(1, here)], 'credential-withheld', { ...inAudit, ...refused }],
  [
    'after a refusal of another credential in the audit',
    [attempt(1, { ...here, ...other })],
    'credential-withheld',
    { ...inAudit, ...refused },
  ],
  [
    'after a foreign refusal in the audit',
    [attempt(200, { ...here, ...foreign })],
    'credential-withheld',
    { ...inAudit, ...refused },
  ],
  [
    'within an hour of a foreign refusal in another audit',
    [attempt(20, foreign), attempt(61, other)],
    'credential-withheld',
    { ...elsewhere, ...refused, ...at(40) },
  ],
  [
    'after a right password that was not accepted in the audit',
    [attempt(1, { ...here, ...harmless })],
    'credential-withheld',
    { ...inAudit, reason: 'ldap-account-disabled' },
  ],
  ['after a bind without a result in the audit', [attempt(1, { ...here, ...lost })], 'credential-unsettled', inAudit],
  [
    'within an hour of a refusal in another audit',
    [attempt(20)],
    'credential-withheld',
    { ...elsewhere, ...refused, ...at(40) },
  ],
  [
    'within two hours of a second refusal',
    [attempt(61), attempt(200)],
    'credential-withheld',
    { ...elsewhere, ...refused, ...at(59) },
  ],
  [
    'within a week of the twentieth refusal',
    Array.from({ length: 20 }, (_, i) => attempt(61 + i)),
    'credential-withheld',
    { ...elsewhere, ...refused, ...at(7 * 24 * 60 - 61) },
  ],
  [
    'within an hour of a bind without a result',
    [attempt(20, lost)],
    'credential-unsettled',
    { ...elsewhere, ...at(40) },
  ],
  [
    'with a changed credential, after two refusals within the hour',
    [attempt(5, other), attempt(20, { credential: 'c3' })],
    'credential-withheld',
    { ...elsewhere, ...refused, ...at(40) },
  ],
])('an account may not bind %s', (_, attempts, reason, withheld) => {
  expect(withholdBind(attempts, { auditId: 'this', credential: 'c1' }, now)).toEqual({
    ...{ permitted: false, isRunning: false, reason },
    withheld,
  })
})

test('an account may not bind beside another bind of it, whose result may yet come', () => {
  const running = attempt(0, { ...lost, leasedUntil: minutesAgo(-0.1) })
  expect(withholdBind([running], { auditId: 'this', credential: 'c1' }, now)).toMatchObject({
    ...{ isRunning: true, reason: 'credential-unsettled', withheld: elsewhere },
  })
})
