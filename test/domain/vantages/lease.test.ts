import { describe, expect, test } from 'vitest'
import { reasons } from '../../../src/domain/findings/reasons.ts'
import { type Delivery, probeReasons, readDelivery } from '../../../src/domain/vantages/lease.ts'

const checks = [
  { probe: 'tcp', host: 'a.test', port: 22 },
  { probe: 'tls', host: 'b.test', port: 443 },
] as const
const span = { from: new Date('2026-01-01T00:00:00Z'), until: new Date('2026-01-01T00:01:00Z') }

type Sighting = Delivery['observations'][number]['sightings'][number]
const sighting = (more: Partial<Sighting> = {}): Sighting => ({
  ...{ address: '192.0.2.1', state: 'open', reason: 'tcp-connected', facts: {}, latencyMs: 1, attempts: 1 },
  ...more,
})
const observation = (check: number, sightings = [sighting()], observedAt = '2026-01-01T00:00:30Z') => ({
  check,
  observedAt,
  sightings,
})
const read = (...observations: Delivery['observations']) => readDelivery(checks, { online: true, observations }, span)
const pointersOf = (answer: ReturnType<typeof readDelivery>) =>
  'mistakes' in answer ? answer.mistakes.map(({ pointer }) => pointer) : []

describe('what an agent delivers', () => {
  test('becomes observations in the order of the checks, with what was asked and not what was said', () => {
    const facts = { protocol: 'TLSv1.3', trusted: false }
    const answer = read(observation(1, [sighting({ reason: 'tls-ok', facts })]), observation(0))
    expect(answer).toEqual({
      observations: [
        { ...checks[0], observedAt: '2026-01-01T00:00:30.000Z', sightings: [sighting()] },
        { ...checks[1], observedAt: '2026-01-01T00:00:30.000Z', sightings: [sighting({ reason: 'tls-ok', facts })] },
      ],
    })
  })

  test.each([
    ['before its audit', '1999-01-01T00:00:00Z', span.from],
    ['in the future', '2999-01-01T00:00:00Z', span.until],
  ])('is no look %s', (_, observedAt, expected) => {
    const answer = read(observation(0, [sighting()], observedAt), observation(1))
    expect('observations' in answer && answer.observations[0]?.observedAt).toBe(expected.toISOString())
  })

  const second = '/observations/1/sightings/0'
  test.each<[string, Sighting[], string]>([
    ['facts that the probe does not have', [sighting({ facts: { rootDse: {} } })], `${second}/facts/rootDse`],
    ['a fact whose name has a slash', [sighting({ facts: { 'a/b~c': 1 } })], `${second}/facts/a~1b~0c`],
    ['a fact of another type', [sighting({ facts: { trusted: 'yes' } })], `${second}/facts/trusted`],
    ['a text with NUL', [sighting({ facts: { cipher: 'a\0b' } })], `${second}/facts/cipher`],
    ['half a character', [sighting({ facts: { cipher: '\ud800' } })], `${second}/facts/cipher`],
    ['what a terminal obeys', [sighting({ facts: { cipher: '\u009b2J' } })], `${second}/facts/cipher`],
    ['very many facts', [sighting({ facts: { cipher: 'x'.repeat(70_000) } })], `${second}/facts`],
    ['a name for an address', [sighting({ address: 'b.test' })], `${second}/address`],
    ['an address with a zone', [sighting({ address: 'fe80::1%eth0' })], `${second}/address`],
    ['an address twice', [sighting(), sighting()], '/observations/1/sightings'],
  ])('with %s is refused there', (_, sightings, pointer) => {
    expect(pointersOf(read(observation(0), observation(1, sightings)))).toEqual([pointer])
  })

  test('is refused where it is not one observation for each check', () => {
    expect(pointersOf(read(observation(0)))).toEqual(['/observations'])
    expect(pointersOf(read(observation(0), observation(0)))).toEqual(['/observations/1/check'])
    expect(pointersOf(read(observation(0), observation(2)))).toEqual(['/observations/1/check'])
    expect(pointersOf(read())).toEqual(['/observations'])
  })

  test('gives only the reasons of probes', () => {
    expect(probeReasons.filter((code) => reasons[code].about === 'rule')).toEqual([])
    expect(probeReasons).toEqual(expect.arrayContaining(['tcp-connected', 'egress-denied', 'local-failure']))
    for (const code of ['audit-canceled', 'audit-deadline', 'batch-failed', 'vantage-absent', 'vantage-offline'])
      expect(probeReasons).not.toContain(code)
  })
})
