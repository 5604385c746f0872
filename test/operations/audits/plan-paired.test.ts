import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Place } from '../../../src/domain/findings/plan.ts'
import type { Look } from '../../../src/operations/audits/plan.ts'
import { planPairs } from '../../../src/operations/audits/plan-paired.ts'
import { ruleThat } from '../../domain/rules.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
let ids: Map<string, number>
beforeAll(async () => {
  stores = await openTestStores()
  for (const name of ['hq', 'plant', 'dmz', 'cafe']) await stores.vantages.announce({ name, zones: ['any'] })
  ids = await stores.vantages.ids(['hq', 'plant', 'dmz', 'cafe', 'nobody'])
})
afterAll(() => stores?.close())

const idOf = (name: string) => ids.get(name) ?? -1
const placeOf = (vantage: string, covered = true): Place => ({ vantage, covered, indirect: false })
const paired = { ...ruleThat({}), unlike: { from: ['untrusted'], expect: { state: ['closed' as const] } } }

const lookFrom = (vantage: string, more: Partial<Look> = {}): Look => ({
  ...{ kind: 'look', place: placeOf(vantage), rule: paired, host: '192.0.2.1', targetId: 1, seriesId: idOf(vantage) },
  ...{ vantageId: idOf(vantage), unlike: [placeOf('dmz'), placeOf('cafe')] },
  ...more,
})

test('looks from the other side are made once, however many pairs share them', async () => {
  const { rules, pairs, looks } = await planPairs(stores, [lookFrom('hq'), lookFrom('plant')])
  expect(rules).toEqual([paired])
  const others = ['dmz', 'cafe'].map((vantage) => ({ vantage, vantageId: idOf(vantage) }))
  expect(pairs).toEqual(
    ['hq', 'plant'].map((name) => ({ targetId: 1, seriesId: idOf(name), vantageId: idOf(name), rule: 0, others })),
  )
  expect(looks.map(({ place, side, vantageId }) => ({ vantage: place.vantage, side, vantageId }))).toEqual(
    others.map((other) => ({ ...other, side: 'other' })),
  )
  for (const { rule } of looks) expect(rule).toEqual({ ...ruleThat({ state: ['closed'] }), from: ['untrusted'] })
})

test('each target has looks of its own from the other side', async () => {
  const { looks } = await planPairs(stores, [lookFrom('hq'), lookFrom('hq', { targetId: 2, host: '192.0.2.2' })])
  expect(looks.map(({ targetId, host }) => `${targetId} ${host}`)).toEqual([
    ...['1 192.0.2.1', '1 192.0.2.1', '2 192.0.2.2', '2 192.0.2.2'],
  ])
})

test('a zone without a vantage is a side that nobody looks from', async () => {
  const unlike = [placeOf('dmz'), placeOf('zone:mars', false)]
  const { pairs, looks } = await planPairs(stores, [lookFrom('hq', { unlike })])
  expect(pairs[0]?.others).toEqual([
    { vantage: 'dmz', vantageId: idOf('dmz') },
    { vantage: 'zone:mars', vantageId: null },
  ])
  expect(looks).toHaveLength(1)
})

test('looks that are no pairs need nothing', async () => {
  expect(await planPairs(stores, [lookFrom('hq', { unlike: undefined })])).toEqual({ rules: [], pairs: [], looks: [] })
})
