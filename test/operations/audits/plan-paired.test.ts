import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Origin } from '../../../src/domain/findings/plan.ts'
import type { PlannedProbe } from '../../../src/operations/audits/plan-paired.ts'
import { planPairs } from '../../../src/operations/audits/plan-paired.ts'
import { ruleThat } from '../../domain/findings/rules.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
let ids: Map<string, number>
beforeAll(async () => {
  stores = await openTestStores()
  for (const name of ['hq', 'plant', 'dmz', 'cafe']) await stores.vantages.announce({ name, zones: ['any'] })
  ids = await stores.vantages.ids(['hq', 'plant', 'dmz', 'cafe', 'absent'])
})
afterAll(() => stores?.close())

const idOf = (name: string) => ids.get(name) ?? -1
const originOf = (vantage: string, covered = true): Origin => ({ vantage, covered, indirect: false })
const paired = { ...ruleThat({}), unlike: { from: ['untrusted'], expect: { state: ['closed' as const] } } }

const probeFrom = (vantage: string, more: Partial<PlannedProbe> = {}): PlannedProbe => ({
  ...{
    kind: 'probe',
    origin: originOf(vantage),
    rule: paired,
    host: '192.0.2.1',
    targetId: 1,
    seriesId: idOf(vantage),
  },
  ...{ vantageId: idOf(vantage), unlike: [originOf('dmz'), originOf('cafe')] },
  ...more,
})

test('probes from the other side are made once, however many pairs share them', async () => {
  const { rules, pairs, probes } = await planPairs(stores, [probeFrom('hq'), probeFrom('plant')])
  expect(rules).toEqual([paired])
  const others = ['dmz', 'cafe'].map((vantage) => ({ vantage, vantageId: idOf(vantage) }))
  expect(pairs).toEqual(
    ['hq', 'plant'].map((name) => ({ targetId: 1, seriesId: idOf(name), vantageId: idOf(name), rule: 0, others })),
  )
  expect(probes.map(({ origin, side, vantageId }) => ({ vantage: origin.vantage, side, vantageId }))).toEqual(
    others.map((other) => ({ ...other, side: 'other' })),
  )
  for (const { rule } of probes) expect(rule).toEqual({ ...ruleThat({ state: ['closed'] }), from: ['untrusted'] })
})

test('each target has probes of its own from the other side', async () => {
  const { probes } = await planPairs(stores, [probeFrom('hq'), probeFrom('hq', { targetId: 2, host: '192.0.2.2' })])
  expect(probes.map(({ targetId, host }) => `${targetId} ${host}`)).toEqual([
    ...['1 192.0.2.1', '1 192.0.2.1', '2 192.0.2.2', '2 192.0.2.2'],
  ])
})

test('a zone without a vantage is a side without probes', async () => {
  const unlike = [originOf('dmz'), originOf('zone:mars', false)]
  const { pairs, probes } = await planPairs(stores, [probeFrom('hq', { unlike })])
  expect(pairs[0]?.others).toEqual([
    { vantage: 'dmz', vantageId: idOf('dmz') },
    { vantage: 'zone:mars', vantageId: null },
  ])
  expect(probes).toHaveLength(1)
})

test('probes that are no pairs need nothing', async () => {
  expect(await planPairs(stores, [probeFrom('hq', { unlike: undefined })])).toEqual({
    rules: [],
    pairs: [],
    probes: [],
  })
})
