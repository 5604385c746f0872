import { describe, expect, test } from 'vitest'
import { reasons } from '../../../src/domain/findings/reasons.ts'
import { type Delivery, probeReasons, readDelivery } from '../../../src/domain/vantages/lease.ts'

const checks = [
  { probe: 'tcp', host: 'a.test', port: 22 },
  { probe: 'tls', host: 'b.test', port: 443 },
] as const
const span = { from: new Date('2026-01-01T00:00:00Z'), until: new Date('2026-01-01T00:01:00Z') }

type AddressResult = Delivery['observations'][number]['addressResults'][number]
const addressResult = (more: Partial<AddressResult> = {}): AddressResult => ({
  address: '192.0.2.1',
  state: 'open',
  reason: 'tcp-connected',
  facts: {},
  latencyMs: 1,
  attempts: 1,
  ...more,
})
const observation = (check: number, addressResults = [addressResult()], observedAt = '2026-01-01T00:00:30Z') => ({
  check,
  observedAt,
  addressResults,
})
const readAll = (...inputs: Parameters<typeof readDelivery>) => {
  const steps = readDelivery(...inputs)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}
const read = (...observations: Delivery['observations']) => readAll(checks, { online: true, observations }, span)
const pointersOf = ({ issues }: ReturnType<typeof readAll>) => issues.map(({ pointer }) => pointer)

const names = (count: number) => Array.from({ length: count }, () => 'x')
const addresses = (count: number) => Array.from({ length: count }, (_, i) => addressResult({ address: `192.0.2.${i}` }))

describe('a delivery', () => {
  test('becomes observations in the order of the checks, with the endpoints of the lease', () => {
    const facts = { protocol: 'TLSv1.3', trusted: false }
    const outcome = read(observation(1, [addressResult({ reason: 'tls-ok', facts })]), observation(0))
    expect(outcome).toEqual({
      issues: [],
      observations: [
        { ...checks[0], observedAt: '2026-01-01T00:00:30.000Z', addressResults: [addressResult()] },
        {
          ...checks[1],
          observedAt: '2026-01-01T00:00:30.000Z',
          addressResults: [addressResult({ reason: 'tls-ok', facts })],
        },
      ],
    })
  })

  test.each([
    ['before its audit', '1999-01-01T00:00:00Z', span.from],
    ['in the future', '2999-01-01T00:00:00Z', span.until],
  ])('has no observation %s', (_, observedAt, expected) => {
    const outcome = read(observation(0, [addressResult()], observedAt), observation(1))
    expect(outcome.observations[0]?.observedAt).toBe(expected.toISOString())
  })

  const second = '/observations/1/addressResults/0'
  test.each<[string, AddressResult[], string]>([
    ['facts that the probe does not have', [addressResult({ facts: { rootDse: {} } })], `${second}/facts/rootDse`],
    ['a fact whose name has a slash', [addressResult({ facts: { 'a/b~c': 1 } })], `${second}/facts/a~1b~0c`],
    ['a fact of another type', [addressResult({ facts: { trusted: 'yes' } })], `${second}/facts/trusted`],
    ['a text with NUL', [addressResult({ facts: { cipher: 'a\0b' } })], `${second}/facts/cipher`],
    ['half a character', [addressResult({ facts: { cipher: '\ud800' } })], `${second}/facts/cipher`],
    ['a terminal escape sequence', [addressResult({ facts: { cipher: '\u009b2J' } })], `${second}/facts/cipher`],
    ['too many facts', [addressResult({ facts: { cipher: 'x'.repeat(70_000) } })], '/observations/1/addressResults'],
    ['too many values', [addressResult({ facts: { chain: names(5_000) } })], '/observations/1/addressResults'],
    ['too many addresses', addresses(66), '/observations/1/addressResults'],
    ['no address', [], '/observations/1/addressResults'],
    ['a state that there is not', [addressResult({ state: 'ajar' as 'open' })], `${second}/state`],
    ['a reason of the service', [addressResult({ reason: 'batch-failed' })], `${second}/reason`],
    ['a verdict', [addressResult({ result: 'pass' } as object)], `${second}/result`],
    ['a text about its host', [addressResult({ hostAnswered: '\u001b[2J' as never })], `${second}/hostAnswered`],
    ['too many attempts', [addressResult({ attempts: 1_001 })], `${second}/attempts`],
    ['a name for an address', [addressResult({ address: 'b.test' })], `${second}/address`],
    ['an address with a zone', [addressResult({ address: 'fe80::1%eth0' })], `${second}/address`],
    ['a repeated address', [addressResult(), addressResult()], '/observations/1/addressResults'],
  ])('with %s loses that observation alone', (_, addressResults, pointer) => {
    const outcome = read(observation(0), observation(1, addressResults))
    expect(pointersOf(outcome)).toEqual([pointer])
    expect(outcome.observations).toEqual([expect.objectContaining(checks[0]), undefined])
  })

  test.each<[string, unknown, string]>([
    ['that is no object', 'x', '/observations/1'],
    ['without a time', { check: 1, addressResults: [addressResult()] }, '/observations/1/observedAt'],
    ['of 30 February', observation(1, [addressResult()], '2026-02-30T00:00:00Z'), '/observations/1/observedAt'],
    ['of a check that is no number', { ...observation(1), check: 'b' }, '/observations/1/check'],
  ])('with an observation %s loses that observation alone', (_, malformed, pointer) => {
    const outcome = readAll(checks, { online: true, observations: [observation(0), malformed] }, span)
    expect(pointersOf(outcome)).toContain(pointer)
    expect(outcome.observations).toEqual([expect.objectContaining(checks[0]), undefined])
  })

  const literal = [{ probe: 'tcp', host: '192.0.2.1', port: 22 }] as const
  const none = { address: null, latencyMs: null, attempts: 0 }
  const refusedReason = { reason: 'connection-refused' } as const
  const prohibited = { state: 'filtered', reason: 'icmp-prohibited' } as const
  const silence = { state: 'filtered', reason: 'no-response' } as const
  test.each<[string, Partial<AddressResult>[], string]>([
    ['open with connection-refused', [refusedReason], '/0/state'],
    ['a wait at a closed port', [{ state: 'closed', ...refusedReason, waitedMs: 6_000 }], '/0/waitedMs'],
    ['open with a silent host', [{ hostAnswered: false }], '/0/hostAnswered'],
    [
      'closed with a host that responded',
      [{ state: 'closed', ...refusedReason, hostAnswered: true }],
      '/0/hostAnswered',
    ],
    ['closed with tcp-connected', [{ state: 'closed' }], '/0/state'],
    ['closed with no-response', [{ state: 'closed', reason: 'no-response' }], '/0/state'],
    ['filtered with name-not-found', [{ state: 'filtered', reason: 'name-not-found' }], '/0/state'],
    ['open with egress-denied', [{ reason: 'egress-denied' }], '/0/state'],
    ['closed with a local failure', [{ state: 'closed', reason: 'local-failure' }], '/0/state'],
    ['unknown with tcp-connected', [{ state: 'unknown' }], '/0/state'],
    ['open without an address', [none], '/0/address'],
    ['an address without a name', [{ state: 'unresolved', reason: 'name-not-found' }], '/0/address'],
    ['an address outside the target', [{ address: '192.0.2.2' }], '/0/address'],
    ['an address of another family', [{ address: '::1' }], '/0/address'],
    ['a sender of a reset', [{ ...refusedReason, state: 'closed', rejectedBy: '192.0.2.9' }], '/0/rejectedBy'],
    ['a sender of silence', [{ ...silence, rejectedBy: '192.0.2.9' }], '/0/rejectedBy'],
    ['a sender without an address', [{ ...prohibited, rejectedBy: 'router.test' }], '/0/rejectedBy'],
    ['a sender with a zone', [{ ...prohibited, rejectedBy: 'fe80::1%eth0' }], '/0/rejectedBy'],
    ['two spellings', [{}, { address: '::ffff:192.0.2.1' }], ''],
    ['two spellings of nothing', [{ address: '::ffff:c000:201' }, { address: '::ffff:192.0.2.1' }], ''],
  ])('that contradicts itself is refused: %s', (_, results, pointer) => {
    const delivered = observation(0, results.map(addressResult))
    const outcome = readAll(literal, { online: true, observations: [delivered] }, span)
    expect(outcome).toEqual({
      observations: [undefined],
      issues: [{ pointer: `/observations/0/addressResults${pointer}`, message: expect.any(String) }],
    })
  })

  test('with facts of a closed port is refused', () => {
    const closed = addressResult({ ...refusedReason, state: 'closed', facts: { protocol: 'TLSv1.3' } })
    expect(pointersOf(read(observation(0), observation(1, [closed])))).toEqual([
      '/observations/1/addressResults/0/facts',
    ])
  })

  test.each<[string, Partial<AddressResult>]>([
    ['closed', { ...refusedReason, state: 'closed' }],
    ['filtered, of an earlier agent', prohibited],
    ['filtered', { ...prohibited, rejectedBy: '192.0.2.9' }],
    ['filtered by a link-local router', { ...prohibited, rejectedBy: 'fe80::1' }],
    ['closed by ICMP', { state: 'closed', reason: 'icmp-port-unreachable', rejectedBy: '192.0.2.1' }],
    ['rejected in an unknown way', { state: 'unreachable', reason: 'icmp-unreachable' }],
    ['not forwarded', { state: 'unreachable', reason: 'icmp-not-forwarded', rejectedBy: '192.0.2.9' }],
    ['no network', { state: 'unreachable', reason: 'network-unreachable', rejectedBy: '192.0.2.9' }],
    ['an absent host', { state: 'unreachable', reason: 'host-unreachable' }],
    ['a reset', { reason: 'connection-reset' }],
    ['a local failure at an open port', { reason: 'local-failure' }],
    ['a local failure', { ...none, state: 'unknown', reason: 'local-failure' }],
    ['no name servers', { ...none, state: 'unknown', reason: 'dns-unavailable' }],
    ['no such name', { ...none, state: 'unresolved', reason: 'name-not-found' }],
    ['too many addresses', { ...none, state: 'unknown', reason: 'response-too-large' }],
    ['a large response', { reason: 'response-too-large' }],
    ['a withheld credential', { reason: 'credential-withheld' }],
    ['a refused address', { state: 'unknown', reason: 'egress-denied' }],
    ['another spelling', { address: '::ffff:192.0.2.1' }],
  ])('of what probes report is taken: %s', (_, result) => {
    const delivered = observation(0, [addressResult(result)])
    expect(readAll(literal, { online: true, observations: [delivered] }, span).issues).toEqual([])
  })

  test('names the checks without an observation, and believes neither of two', () => {
    expect(pointersOf(read(observation(0)))).toEqual(['/observations'])
    const twice = read(observation(0), observation(0), observation(1))
    expect(pointersOf(twice)).toEqual(['/observations/0/check', '/observations/1/check'])
    expect(twice.observations).toEqual([undefined, expect.objectContaining(checks[1])])
    expect(pointersOf(read(observation(0), observation(2), observation(1)))).toEqual(['/observations/1/check'])
    expect(pointersOf(read())).toEqual(['/observations', '/observations'])
  })

  test('can contain only the reasons of probes', () => {
    expect(probeReasons.filter((code) => reasons[code].about === 'rule')).toEqual([])
    expect(probeReasons).toEqual(expect.arrayContaining(['tcp-connected', 'egress-denied', 'local-failure']))
    for (const code of [
      'audit-canceled',
      'audit-deadline',
      'batch-failed',
      'observation-refused',
      'vantage-absent',
      'vantage-offline',
    ])
      expect(probeReasons).not.toContain(code)
  })
})
