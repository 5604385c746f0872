import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Family } from '../../../src/domain/findings/counted-addresses.ts'
import { type Judgement, judge } from '../../../src/domain/findings/judge.ts'
import type { AddressResult, Observation } from '../../../src/domain/findings/observation.ts'
import { type ReasonCode, reasonCodes, reasons } from '../../../src/domain/findings/reasons.ts'
import { type State, states } from '../../../src/domain/findings/state.ts'
import type { ResolvedExpectation, ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { daysLeft } from '../../../src/domain/protocols/certificate.ts'
import { tlsVersions } from '../../../src/domain/protocols/tls.ts'
import { certificate, now, observation, ruleThat, type Seen } from './rules.ts'

/** Judges a rule that expects this on one address that was seen so, outside any window. */
const judged = (expectation: ResolvedExpectation, ...seen: Seen[]): Judgement =>
  judge(ruleThat(expectation), observation(...seen), { windowOpen: false })

const open: Seen = { state: 'open', reason: 'tcp-connected' }
const closed: Seen = { state: 'closed', reason: 'connection-refused' }
const filtered: Seen = { state: 'filtered', reason: 'no-response' }
const unreachable: Seen = { state: 'unreachable', reason: 'host-unreachable' }
const unresolved: Seen = { state: 'unresolved', reason: 'name-not-found' }
const dnsDown: Seen = { state: 'unknown', reason: 'dns-unavailable' }
const denied: Seen = { state: 'unknown', reason: 'egress-denied' }
const tooMany: Seen = { state: 'unknown', reason: 'response-too-large' }

describe('a state', () => {
  const mustBeOpen: ResolvedExpectation = {}
  const mustBeClosed: ResolvedExpectation = { state: ['closed', 'filtered'] }
  const anyButLost: ResolvedExpectation = { state: ['open', 'closed', 'filtered'] }
  const rows: [string, ResolvedExpectation, Seen, Judgement['result'], ReasonCode][] = [
    ['must be open', mustBeOpen, open, 'pass', 'as-expected'],
    ['must be open', mustBeOpen, closed, 'fail', 'connection-refused'],
    ['must be open', mustBeOpen, filtered, 'fail', 'no-response'],
    ['must be open', mustBeOpen, { state: 'filtered', reason: 'icmp-prohibited' }, 'fail', 'icmp-prohibited'],
    ['must be open', mustBeOpen, unreachable, 'fail', 'host-unreachable'],
    ['must be open', mustBeOpen, unresolved, 'unknown', 'name-not-found'],
    ['must be open', mustBeOpen, dnsDown, 'unknown', 'dns-unavailable'],
    ['must be open', mustBeOpen, denied, 'error', 'egress-denied'],

    ['must be closed', mustBeClosed, open, 'fail', 'unexpected-state'],
    ['must be closed', mustBeClosed, closed, 'pass', 'as-expected'],
    ['must be closed', mustBeClosed, filtered, 'pass', 'as-expected'],
    ['must be closed', mustBeClosed, unreachable, 'unknown', 'host-unreachable'],
    ['must be closed', mustBeClosed, unresolved, 'unknown', 'name-not-found'],
    ['must be closed', mustBeClosed, dnsDown, 'unknown', 'dns-unavailable'],
    ['must be closed', mustBeClosed, denied, 'error', 'egress-denied'],

    ['may be open or closed', anyButLost, open, 'pass', 'as-expected'],
    ['may be open or closed', anyButLost, closed, 'pass', 'as-expected'],
    ['may be open or closed', anyButLost, unreachable, 'unknown', 'host-unreachable'],
    ['may be open or closed', anyButLost, unresolved, 'unknown', 'name-not-found'],

    ['must be closed, not filtered', { state: ['closed'] }, filtered, 'fail', 'no-response'],
    ['must be filtered, not closed', { state: ['filtered'] }, closed, 'fail', 'connection-refused'],
    ['must be unreachable', { state: ['unreachable'] }, unreachable, 'pass', 'as-expected'],
    ['must be unreachable', { state: ['unreachable'] }, open, 'fail', 'unexpected-state'],
    // What was not observed never passes, even where a policy says that it may.
    ['may be unresolved', { state: ['unresolved'] }, unresolved, 'unknown', 'name-not-found'],
    ['may be unknown', { state: ['unknown'] }, dnsDown, 'unknown', 'dns-unavailable'],
  ]
  test.each(rows)('%s: %o + %o is %s, %s', (_, expectation, seen, result, reason) => {
    expect(judged(expectation, seen)).toEqual({ result, state: seen.state, reason })
  })

  const mustRespond: ResolvedExpectation = { ...mustBeClosed, hostAnswered: true }
  test.each<[string, ResolvedExpectation, boolean | undefined, Judgement['result'], ReasonCode]>([
    ['is filtered', mustBeClosed, true, 'pass', 'as-expected'],
    ['is filtered', mustRespond, true, 'pass', 'as-expected'],
    ['is accepted, and said to be no proof', mustBeClosed, false, 'pass', 'silence-accepted'],
    ['is accepted', { ...mustBeClosed, hostAnswered: false }, false, 'pass', 'silence-accepted'],
    ['is no proof', mustRespond, false, 'unknown', 'host-silent'],
    ['is no violation', { state: ['open', 'closed'] }, false, 'fail', 'no-response'],
    ['of which an older version saw no more is accepted', mustBeClosed, undefined, 'pass', 'as-expected'],
    ['of which an older version saw no more is no proof', mustRespond, undefined, 'unknown', 'facts-missing'],
  ])('silence %s: %o, host responded: %o', (_, expectation, hostAnswered, result, reason) => {
    expect(judged(expectation, { ...filtered, hostAnswered })).toEqual({ result, state: 'filtered', reason })
  })

  test('a demanded response of the host concerns silence alone', () => {
    const prohibited: Seen = { state: 'filtered', reason: 'icmp-prohibited' }
    for (const seen of [closed, prohibited]) expect(judged(mustRespond, seen)).toMatchObject({ result: 'pass' })
    expect(judged(mustRespond, open)).toMatchObject({ result: 'fail', reason: 'unexpected-state' })
    expect(judged(mustRespond, unreachable)).toMatchObject({ result: 'unknown', reason: 'host-unreachable' })
  })

  test('a pass that rests on the silence of one address says so', () => {
    const silentHost: Seen = { ...filtered, hostAnswered: false }
    for (const seen of [
      [closed, silentHost],
      [silentHost, closed],
    ])
      expect(judged(mustBeClosed, ...seen)).toMatchObject({ result: 'pass', reason: 'silence-accepted' })
  })

  const ours: [State, ReasonCode][] = [
    ['unknown', 'descriptors-exhausted'],
    ['unknown', 'no-local-route'],
    ['unknown', 'audit-canceled'],
    ['open', 'local-failure'],
    ['closed', 'local-denied'],
    ['filtered', 'vantage-offline'],
  ]
  test.each(ours)('a local failure is unknown in any state: %s, %s', (state, reason) => {
    for (const expectation of [mustBeOpen, mustBeClosed, anyButLost]) {
      expect(judged(expectation, { state, reason })).toEqual({ result: 'unknown', state, reason })
    }
  })

  test.each([
    'credential-unavailable',
    'credential-not-allowed',
    'credential-withheld',
    'invalid-host',
    'batch-failed',
  ] as const)('what an operator must put right is an error: %s', (reason) => {
    expect(judged(mustBeOpen, { state: 'open', reason }).result).toBe('error')
  })
})

describe('addresses that the vantage may not or cannot reach', () => {
  const must = { state: ['closed', 'filtered'] } satisfies ResolvedExpectation
  const familyMissing: Seen = { state: 'unknown', reason: 'ip-family-missing' }
  const silentHost: Seen = { ...filtered, hostAnswered: false }
  const partial = 'addresses-left-out'
  test.each<[string, Seen[], Judgement['result'], ReasonCode]>([
    ['are left out of a pass, which says so', [closed, denied], 'pass', partial],
    ['are left out in every order', [denied, closed], 'pass', partial],
    ['are left out for either cause', [denied, closed, familyMissing], 'pass', partial],
    ['do not hide that a pass rests on silence', [denied, silentHost], 'pass', 'silence-accepted'],
    ['hide no violation', [denied, open], 'fail', 'unexpected-state'],
    ['hide no doubt', [denied, closed, unreachable], 'unknown', 'host-unreachable'],
    [
      'hide no other local failure',
      [closed, { state: 'unknown', reason: 'no-local-route' }],
      'unknown',
      'no-local-route',
    ],
    ['hide no addresses beyond the limit', [closed, denied, tooMany], 'unknown', 'response-too-large'],
    ['are an error where no other is left', [denied, denied], 'error', 'egress-denied'],
    ['are an error where one of them needs an operator', [familyMissing, denied], 'error', 'egress-denied'],
    ['are unknown where the vantage can reach none', [familyMissing, familyMissing], 'unknown', 'ip-family-missing'],
  ])('%s', (_, seen, result, reason) => {
    expect(judged(must, ...seen)).toMatchObject({ result, reason })
  })
})

describe('the families that a rule names', () => {
  const at = (address: string, seen: Seen): AddressResult => ({
    ...seen,
    address,
    facts: {},
    latencyMs: 1,
    attempts: 1,
  })
  const [v4, v6, mapped] = ['10.0.0.1', 'fd00::1', '::ffff:10.0.0.1']
  const familyMissing: Seen = { state: 'unknown', reason: 'ip-family-missing' }
  const unnamed = 'no-address-of-family'
  test.each<[Family[] | undefined, AddressResult[], Judgement['result'], ReasonCode]>([
    [undefined, [at(v4, closed), at(v6, denied)], 'pass', 'addresses-left-out'],
    [['ipv4'], [at(v4, closed), at(v6, denied)], 'pass', 'as-expected'],
    [['ipv4'], [at(v4, closed), at(v6, open)], 'pass', 'as-expected'],
    [['ipv4'], [at(v4, denied), at(v6, closed)], 'error', 'egress-denied'],
    [['ipv6'], [at(v4, closed), at(v6, open)], 'fail', 'unexpected-state'],
    [['ipv6'], [at(v4, closed), at(v6, familyMissing)], 'unknown', 'ip-family-missing'],
    [['ipv4', 'ipv6'], [at(v4, closed), at(v6, denied)], 'error', 'egress-denied'],
    [['ipv4', 'ipv6'], [at(v4, closed), at(v6, familyMissing)], 'unknown', 'ip-family-missing'],
    [['ipv4', 'ipv6'], [at(v4, open), at(v6, denied)], 'fail', 'unexpected-state'],
    [['ipv4', 'ipv6'], [at(v4, closed)], 'pass', 'as-expected'],
    [['ipv6'], [at(v4, closed)], 'unknown', unnamed],
    [['ipv6'], [at(mapped, closed)], 'unknown', unnamed],
    [['ipv4'], [at(mapped, closed)], 'pass', 'as-expected'],
  ])('%o of %o: %s, %s', (families, addressResults, result, reason) => {
    const seen = { ...observation(closed), addressResults: addressResults as Observation['addressResults'] }
    const rule = { ...ruleThat({ state: ['closed'] }), families }
    expect(judge(rule, seen, { windowOpen: false })).toMatchObject({ result, reason })
  })
})

describe('several addresses', () => {
  const must = { state: ['closed', 'filtered'] } satisfies ResolvedExpectation
  test.each<[string, Seen[], Judgement]>([
    ['one violation decides', [closed, open, filtered], { result: 'fail', state: 'open', reason: 'unexpected-state' }],
    ['a violation outweighs an error', [denied, open], { result: 'fail', state: 'open', reason: 'unexpected-state' }],
    [
      'an error outweighs unknown',
      [unreachable, { state: 'open', reason: 'credential-unavailable' }],
      { result: 'error', state: 'open', reason: 'credential-unavailable' },
    ],
    [
      'unknown outweighs a pass',
      [closed, unreachable],
      { result: 'unknown', state: 'unreachable', reason: 'host-unreachable' },
    ],
    ['all must pass', [filtered, closed], { result: 'pass', state: 'filtered', reason: 'as-expected' }],
  ])('%s', (_, seen, judgement) => {
    expect(judged(must, ...seen)).toEqual(judgement)
  })
})

describe('a window', () => {
  const rule: ResolvedRule = {
    ...ruleThat({ state: ['closed'] }),
    probe: 'ssh',
    insideWindow: { expect: { ssh: { speaks: true } } },
  }
  const speaking: Seen = { state: 'open', reason: 'ssh-ok', facts: { identification: 'SSH-2.0-x', algorithms: {} } }
  test.each([
    [false, closed, 'pass'],
    [false, speaking, 'fail'],
    [true, speaking, 'pass'],
    [true, closed, 'fail'],
    [true, { ...open, facts: { spoke: 'http' } } satisfies Seen, 'fail'],
  ] as [boolean, Seen, string][])('open %s: %o is %s', (windowOpen, seen, result) => {
    expect(judge(rule, observation(seen), { windowOpen }).result).toBe(result)
  })

  test('changes nothing for a rule that does not speak of it', () => {
    expect(judge(ruleThat({ state: ['closed'] }), observation(closed), { windowOpen: true }).result).toBe('pass')
  })
})

describe('for every expectation and every observation', () => {
  const flag = fc.option(fc.boolean(), { nil: undefined })
  const some = <T>(...values: T[]) => fc.option(fc.subarray(values, { minLength: 1 }), { nil: undefined })
  const one = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const state = some(...states)
  const tls = optional(
    fc.record({
      minVersion: one(...tlsVersions),
      refuses: some(...tlsVersions),
      trusted: flag,
      allowSelfSigned: flag,
      nameMatches: flag,
      validNow: flag,
      minDaysLeft: one(0, 14),
    }),
  )
  const http = optional(fc.record({ answers: flag, plainServed: one<false>(false) }))
  const ssh = optional(
    fc.record({
      speaks: flag,
      minVersion: one<'1.99' | '2.0'>('1.99', '2.0'),
      hostKeys: some('SHA256:abc'),
      forbid: some('x'),
    }),
  )
  const ldap = optional(
    fc.record({
      answers: flag,
      activeDirectory: flag,
      security: some<'plain' | 'ldaps'>('plain', 'ldaps'),
      bind: one({ credentialRef: 'env:X' }),
    }),
  )
  const expectations: fc.Arbitrary<ResolvedExpectation> = fc.oneof(
    fc.record({ state, tls, http }),
    fc.record({ state, ssh }),
    fc.record({ state, ldap }),
  )
  const facts = fc.record(
    {
      protocol: fc.constantFrom(...tlsVersions),
      certificate: fc.constantFrom(certificate(), certificate({ selfSigned: true, notAfter: '2020-01-01T00:00:00Z' })),
      trusted: fc.boolean(),
      nameMatches: fc.boolean(),
      versions: fc.constantFrom({}, { TLSv1: 'accepted' }, { TLSv1: 'refused', SSLv3: 'not-tested' }),
      http: fc.constant({ status: 200 }),
      plainHttp: fc.constantFrom({ answered: false }, { answered: true, status: 200 }),
      identification: fc.string(),
      protocolVersion: fc.constantFrom('1.5', '2.0', ''),
      hostKey: fc.constant({ type: 'x', sha256: 'SHA256:abc', verified: true }),
      rootDse: fc.constant({}),
      activeDirectory: fc.boolean(),
      security: fc.constantFrom('plain', 'ldaps'),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Seen['facts']>
  // The other reasons are the judge's own.
  const seenReasons = reasonCodes.filter((code) => reasons[code].about !== 'rule')
  const seen = fc.record({ state: fc.constantFrom(...states), reason: fc.constantFrom(...seenReasons), facts })
  const addressResults = fc.array(seen, { minLength: 1, maxLength: 4 })
  const given = [expectations, addressResults, fc.boolean()] as const
  const counted = (all: Seen[]) => {
    const some = all.filter(({ reason }) => !reasons[reason].leavesOut)
    return some.length > 0 ? some : all
  }
  const judgeAll = (expectation: ResolvedExpectation, all: Seen[], windowOpen: boolean) =>
    judge({ ...ruleThat(expectation), insideWindow: { expect: {} } }, observation(...all), { windowOpen })

  test('it gives one of the four results of a check, and the state of an address that was seen', () => {
    fc.assert(
      fc.property(...given, (expectation, all, windowOpen) => {
        const { result, state } = judgeAll(expectation, all, windowOpen)
        expect(['pass', 'fail', 'unknown', 'error']).toContain(result)
        expect(all.map((addressResult) => addressResult.state)).toContain(state)
      }),
    )
  })

  test('unknown never passes and never fails', () => {
    const inconclusive = ({ state, reason }: Seen) =>
      state === 'unknown' || state === 'unresolved' || ['us', 'setup'].includes(reasons[reason].about)
    fc.assert(
      fc.property(...given, (expectation, all, windowOpen) => {
        const { result } = judgeAll(expectation, all, windowOpen)
        if (counted(all).some(inconclusive)) expect(result).not.toBe('pass')
        if (all.every(inconclusive)) expect(['unknown', 'error']).toContain(result)
      }),
    )
  })

  test('it judges each address alone, and the order of the addresses does not matter to the result', () => {
    const rank = ['pass', 'unknown', 'error', 'fail']
    fc.assert(
      fc.property(...given, (expectation, all, windowOpen) => {
        const alone = counted(all).map((addressResult) =>
          rank.indexOf(judgeAll(expectation, [addressResult], windowOpen).result),
        )
        const worst = rank[Math.max(...alone)]
        expect(judgeAll(expectation, all, windowOpen).result).toBe(worst)
        expect(judgeAll(expectation, all.toReversed(), windowOpen).result).toBe(worst)
      }),
    )
  })

  test('a pass has a reason of its own, which says whether addresses were left out', () => {
    fc.assert(
      fc.property(...given, (expectation, all, windowOpen) => {
        const { result, reason } = judgeAll(expectation, all, windowOpen)
        const passing = counted(all).length < all.length ? 'addresses-left-out' : 'as-expected'
        expect(reason === passing).toBe(result === 'pass')
      }),
    )
  })
})

describe('a group that the probe of the rule does not take', () => {
  const speaking: Seen = { state: 'open', reason: 'ssh-ok', facts: { identification: 'SSH-2.0-x', algorithms: {} } }
  const unknownGroup = { spdy: { speaks: true } } as ResolvedExpectation
  test.each<[string, ResolvedExpectation, Seen]>([
    ['a group of no protocol', unknownGroup, speaking],
    ['a group of no protocol beside one that is met', { ssh: { speaks: true }, ...unknownGroup }, speaking],
    ['a group of no protocol and an allowed closed port', { state: ['closed'], ...unknownGroup }, closed],
    ['a group of another protocol', { ldap: { answers: true } }, speaking],
  ])('is an error, and never a pass: %s', (_, expect_, seen) => {
    const rule: ResolvedRule = { ...ruleThat({}), probe: 'ssh', expect: expect_ }
    const judgement = judge(rule, observation(seen), { windowOpen: false })
    expect(judgement).toEqual({ result: 'error', state: seen.state, reason: 'expectation-not-supported' })
  })

  test('is an error inside a window too', () => {
    const rule: ResolvedRule = { ...ruleThat({}), insideWindow: { expect: unknownGroup } }
    expect(judge(rule, observation(open), { windowOpen: true }).result).toBe('error')
    expect(judge(rule, observation(open), { windowOpen: false }).result).toBe('pass')
  })

  test('as a probe of no protocol, is an error', () => {
    const rule = { ...ruleThat({}), probe: 'spdy' as ResolvedRule['probe'] }
    expect(judge(rule, observation(open), { windowOpen: false }).result).toBe('error')
  })
})

describe('daysLeft', () => {
  test.each([
    ['2026-01-02T12:00:00Z', 1],
    ['2026-01-02T11:59:59Z', 0],
    ['2026-01-01T12:00:00Z', 0],
    ['2026-01-01T11:59:59Z', -1],
  ])('%s is %i whole days away', (notAfter, days) => {
    expect(daysLeft(notAfter, Date.parse(now))).toBe(days)
  })
})

describe('facts that were left out', () => {
  const ssh = (facts: object): Seen => ({
    state: 'open',
    reason: 'ssh-ok',
    facts: { identification: 'SSH-2.0-x', ...facts },
  })
  const all = { hostKey: [], cipherClientToServer: [], cipherServerToClient: [], macClientToServer: [] }
  const algorithms = { ...all, macServerToClient: [], compressionClientToServer: [], compressionServerToClient: [] }
  const cut = { algorithms, omitted: ['algorithms/kex'] }

  test('leave a rule that needs them undecided', () => {
    expect(judged({ ssh: { forbid: ['arcfour'] } }, ssh(cut))).toEqual({
      ...{ result: 'unknown', state: 'open', reason: 'response-too-large' },
    })
  })

  test('change nothing for a rule that does not need them', () => {
    expect(judged({ ssh: { speaks: true } }, ssh(cut)).result).toBe('pass')
  })

  test('hide no violation among the others', () => {
    const offers = { ...cut, algorithms: { ...algorithms, cipherClientToServer: ['arcfour'] } }
    expect(judged({ ssh: { forbid: ['arcfour'] } }, ssh(offers))).toMatchObject({ reason: 'ssh-algorithm-forbidden' })
  })

  test('never make a fail of a response that was too large to read', () => {
    const large: Seen = { state: 'open', reason: 'response-too-large' }
    for (const expectation of [{ tls: { minVersion: 'TLSv1.2' } }, { ldap: { answers: true } }] as const)
      expect(judged(expectation, large)).toEqual({ result: 'unknown', state: 'open', reason: 'response-too-large' })
  })

  test('of some addresses of a name leave the rule undecided', () => {
    const others: Seen = { state: 'unknown', reason: 'response-too-large' }
    expect(judged({}, open, others)).toEqual({ result: 'unknown', state: 'unknown', reason: 'response-too-large' })
    expect(judged({}, closed, others).result).toBe('fail')
  })
})
