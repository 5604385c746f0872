import { expect, test } from 'vitest'
import { laddersOf } from '../../../../src/console/pages/targets/ad-ladder.ts'

type Seen = Parameters<typeof laddersOf>[0][number]

const seen = (state: string, facts: object, { code = 'ldap-responded', vantage = 'local', host = 'dc1' } = {}): Seen =>
  ({
    ...{ state, vantage, reason: { code, message: code }, expected: null },
    evidence: { probe: 'ldap', host, port: 389, addresses: { '10.0.0.1': { state, facts } } },
  }) as unknown as Seen
const letters = { pass: '+', fail: 'x', unknown: '?', notchecked: '.' }
const picture = (...findings: Seen[]) =>
  laddersOf(findings)
    .map(({ steps }) => steps.map(({ result }) => letters[result]).join(''))
    .join(' ')

const trusted = { trusted: true, nameMatches: true, protocol: 'TLSv1.3' }
const bound = { as: 'credential', resultCode: 0, resultName: 'success' }
const full = { security: 'starttls', activeDirectory: true, tls: trusted, bind: bound }

test.each<[string, string, object, object]>([
  ['+++++++', 'open', full, {}],
  ['++++++?', 'open', { ...full, bind: undefined }, {}],
  ['++++++x', 'open', { ...full, bind: { ...bound, resultCode: 49 } }, {}],
  ['++++++?', 'open', { ...full, bind: { as: 'anonymous', resultCode: 0, resultName: 'success' } }, {}],
  ['+++++x.', 'open', { ...full, tls: { ...trusted, trusted: false, trustError: 'self-signed' } }, {}],
  ['+++++x.', 'open', { ...full, tls: { ...trusted, nameMatches: false } }, {}],
  ['++++x..', 'open', { security: 'plain', activeDirectory: true, startTls: { offered: false } }, {}],
  ['++++???', 'open', { security: 'plain', activeDirectory: true }, {}],
  ['+++x...', 'open', { security: 'plain', activeDirectory: false }, {}],
  ['++x....', 'open', {}, { code: 'ldap-no-response' }],
  ['++?????', 'open', {}, { code: 'timeout' }],
  ['+x.....', 'filtered', {}, { code: 'timeout' }],
  ['x......', 'unresolved', {}, { code: 'name-not-found' }],
  ['???????', 'unknown', {}, { code: 'local-failure' }],
])('the ladder %s: %s with %j', (expected, state, facts, more) => {
  expect(picture(seen(state, facts, more))).toBe(expected)
})

test('findings about the same directory and vantage are one ladder', () => {
  expect(
    picture(seen('open', { security: 'starttls', activeDirectory: true, tls: trusted }), seen('open', { bind: bound })),
  ).toBe('+++++++')
  expect(picture(seen('open', full), seen('filtered', {}, { vantage: 'branch' }))).toBe('+++++++ +x.....')
})

test('findings without a directory have no ladder', () => {
  expect(laddersOf([{ ...seen('open', {}), evidence: null }])).toEqual([])
})
