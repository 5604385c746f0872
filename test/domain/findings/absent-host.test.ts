import { expect, test } from 'vitest'
import { explainSilence } from '../../../src/domain/findings/absent-host.ts'
import type { AddressResult, Observation } from '../../../src/domain/findings/observation.ts'

type Outcome = Pick<AddressResult, 'state' | 'reason' | 'rejectedBy' | 'hostAnswered'>

const silent: Outcome = { state: 'filtered', reason: 'no-response' }
const absent: Outcome = { state: 'unreachable', reason: 'host-unreachable', rejectedBy: '10.0.0.254' }
const refused: Outcome = { state: 'closed', reason: 'connection-refused' }
const rejected = (rejectedBy: string): Outcome => ({ state: 'filtered', reason: 'icmp-prohibited', rejectedBy })

const observation = (port: number, outcomes: Record<string, Outcome>): Observation => {
  const [first, ...rest] = Object.entries(outcomes).map(
    ([address, outcome]): AddressResult => ({ address, ...outcome, facts: {}, latencyMs: 1, attempts: 3 }),
  )
  if (!first) throw new Error('an observation needs an address')
  return { probe: 'tcp', host: 'a.test', port, observedAt: '2026-01-01T00:00:00Z', addressResults: [first, ...rest] }
}
const a = '10.0.0.1'
const b = '10.0.0.2'

test('a report of one port explains the silence of the others at the same address', () => {
  const seen = [
    observation(22, { [a]: { ...silent, hostAnswered: false }, [b]: silent }),
    observation(80, { [a]: absent, [b]: silent }),
  ]
  expect(explainSilence(seen)).toEqual([
    observation(22, { [a]: absent, [b]: silent }),
    observation(80, { [a]: absent, [b]: silent }),
  ])
})

test.each<[string, Outcome]>([
  ['refuses a connection', refused],
  ['accepts a connection', { state: 'open', reason: 'tcp-connected' }],
  ['rejects with ICMP', rejected(a)],
])('a host that %s is there: silence stays that of a filter', (_, response) => {
  const seen = [observation(22, { [a]: silent }), observation(80, { [a]: absent }), observation(443, { [a]: response })]
  expect(explainSilence(seen)).toEqual(seen)
})

test('a host that responded on a port outside of the batch is there', () => {
  const seen = [observation(22, { [a]: { ...silent, hostAnswered: true } }), observation(80, { [a]: absent })]
  expect(explainSilence(seen)).toEqual(seen)
})

test.each<[string, Outcome]>([
  ['a reject by a firewall on the way', rejected('10.0.0.254')],
  ['a failure of the vantage', { state: 'unknown', reason: 'local-failure' }],
])('%s reports nothing of the host', (_, outcome) => {
  const seen = [observation(22, { [a]: silent }), observation(80, { [a]: outcome })]
  expect(explainSilence(seen)).toEqual(seen)
})
