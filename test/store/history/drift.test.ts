import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import type { DriftFilter, DriftItem, PointInTime } from '../../../src/store/history/drift.ts'
import { at, finding, makeSeries, openTestStores, policyOf, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
type Outcome = Partial<NewFinding>

/** A finished audit in which these series were seen so at this time. */
async function audit(ms: number, seen: [Series | undefined, Outcome?][], policy = policyOf('p', 'r')): Promise<string> {
  const targetIds = [...new Set(seen.flatMap(([series]) => series?.targetId ?? []))]
  const started = await startAudit(stores, { policy, targetIds })
  const findings = seen.flatMap(([series, more]) => (series ? [finding(series, ms, more)] : []))
  await stores.record({ ...started, findings })
  await stores.endAudit({ id: started.auditId })
  return started.auditId
}

async function pointInTimeOf(auditId: string): Promise<PointInTime> {
  const found = await stores.drift.pointInTimeOf(auditId)
  if (!found) throw new Error(`there is no audit ${auditId}`)
  return found.point
}

async function between(from: PointInTime, to: PointInTime, filter: DriftFilter): Promise<DriftItem[]> {
  const drift = await stores.drift.compare(from, to, filter)
  return (await drift.page({ limit: 100 })).items
}

const lineOf = ({ class: kind, rule }: DriftItem) => `${rule} ${kind}`
const evidence = (sha256: string): Evidence => ({
  probe: 'ssh',
  host: 'h',
  port: 22,
  addresses: {
    '10.0.0.1': { state: 'open', reason: 'ssh-ok', facts: { hostKey: { type: 'x', sha256, verified: true } } },
  },
})
const fail: Outcome = { result: 'fail', reason: 'unexpected-state' }
const unknown: Outcome = { result: 'unknown', state: 'unknown', reason: 'dns-unavailable' }

describe('drift between two audits', () => {
  test('is exactly what they found differently, class by class', async () => {
    const rules = ['changes', 'clears', 'hides', 'recovers', 'regresses', 'stays']
    const target = 'classes'
    const [changes, clears, hides, recovers, regresses, stays] = await makeSeries(stores, [target], rules)
    const one = await audit(1000, [
      [changes, { evidence: evidence('a') }],
      [clears, unknown],
      [hides],
      [recovers, fail],
      [regresses],
      [stays],
    ])
    const other = await audit(2000, [
      [changes, { evidence: evidence('b') }],
      [clears],
      [hides, unknown],
      [recovers],
      [regresses, fail],
      [stays, { latencyMs: 700, attempts: 3 }],
    ])
    const items = await between(await pointInTimeOf(one), await pointInTimeOf(other), { target })
    expect(items.map(lineOf)).toEqual([
      'changes changed',
      'clears clarified',
      'hides obscured',
      'recovers recovered',
      'regresses regressed',
    ])
    expect(items[4]).toMatchObject({
      cause: 'environment',
      policy: 'p',
      vantage: 'local',
      at: at(2000).toISOString(),
      before: { result: 'pass', state: 'open', reason: { code: 'as-expected' } },
      after: { result: 'fail', state: 'open', reason: { code: 'unexpected-state' } },
    })
    expect(items[4]?.changes.map(({ path, before, after }) => [path, before, after])).toEqual([
      ['/reason', 'as-expected', 'unexpected-state'],
      ['/result', 'pass', 'fail'],
    ])
    expect(items[0]?.changes.map(({ path }) => path)).toEqual(['/evidence/addresses/10.0.0.1/facts/hostKey/sha256'])
  })

  test('is nothing from an audit to itself, and turns round with its ends', async () => {
    const target = 'round'
    const [series] = await makeSeries(stores, [target])
    const one = await pointInTimeOf(await audit(1000, [[series]]))
    const other = await pointInTimeOf(await audit(2000, [[series, fail]]))
    expect(await between(one, one, { target })).toEqual([])
    expect((await between(other, one, { target })).map(lineOf)).toEqual(['r recovered'])
  })

  test('does not depend on audits between them, or on what came late', async () => {
    const target = 'between'
    const [series] = await makeSeries(stores, [target])
    const one = await pointInTimeOf(await audit(1000, [[series]]))
    await audit(2000, [[series, fail]])
    const other = await pointInTimeOf(await audit(3000, [[series]]))
    await audit(500, [[series, unknown]])
    expect(await between(one, other, { target })).toEqual([])
  })

  test('shows series that came and went, with the cause `scope`', async () => {
    const target = 'scope'
    const [comes, goes, stays] = await makeSeries(stores, [target], ['comes', 'goes', 'stays'])
    const one = await pointInTimeOf(await audit(1000, [[goes, fail], [stays]]))
    const other = await pointInTimeOf(await audit(2000, [[comes], [stays]]))
    expect(await between(one, other, { target })).toMatchObject([
      { rule: 'comes', class: 'appeared', cause: 'scope', before: null, after: { result: 'pass' } },
      { rule: 'goes', class: 'vanished', cause: 'scope', before: { result: 'fail' }, after: null },
    ])
  })

  test('says that the policy is the cause where the same facts were judged by another version', async () => {
    const target = 'policy'
    const [series] = await makeSeries(stores, [target])
    const facts = { evidence: evidence('same') }
    const one = await pointInTimeOf(await audit(1000, [[series, facts]], policyOf('judging', 'r')))
    const other = await pointInTimeOf(
      await audit(2000, [[series, { ...facts, ...fail }]], policyOf('judging', 'r', 's')),
    )
    expect(await between(one, other, { target })).toMatchObject([{ class: 'regressed', cause: 'policy' }])
  })
})

describe('drift between two times', () => {
  const since = (ms: number): PointInTime => ({ time: at(ms) })

  test('is what was known then of every series', async () => {
    const target = 'times'
    const [a, b] = await makeSeries(stores, [target], ['a', 'b'])
    await audit(1000, [[a], [b]])
    await audit(2000, [[a, fail], [b]])
    await audit(3000, [[a], [b, fail]])
    const drift = async (from: number, to: number) => (await between(since(from), since(to), { target })).map(lineOf)
    expect(await drift(0, 500)).toEqual([])
    expect(await drift(500, 1000)).toEqual(['a appeared', 'b appeared'])
    expect(await drift(1000, 1999)).toEqual([])
    expect(await drift(1999, 2000)).toEqual(['a regressed'])
    expect(await drift(1500, 2999)).toEqual(['a regressed'])
    expect(await drift(1500, 3000)).toEqual(['b regressed']) // a is as it was
    expect(await drift(2000, 3500)).toEqual(['a recovered', 'b regressed'])
    expect(await drift(3500, 2000)).toEqual(['a regressed', 'b recovered'])
    expect(await drift(3500, 9999)).toEqual([])
  })

  test('is dated when the later state was first seen', async () => {
    const target = 'dated'
    const [series] = await makeSeries(stores, [target])
    await audit(1000, [[series]])
    await audit(2000, [[series, fail]])
    await audit(3000, [[series, fail]])
    expect(await between(since(1500), since(9000), { target })).toMatchObject([{ at: at(2000).toISOString() }])
  })
})

test('a time and an audit can be compared', async () => {
  const target = 'mixed'
  const [series] = await makeSeries(stores, [target])
  await audit(1000, [[series]])
  const later = await pointInTimeOf(await audit(2000, [[series, fail]]))
  expect((await between({ time: at(1500) }, later, { target })).map(lineOf)).toEqual(['r regressed'])
  expect((await between(later, { time: at(1500) }, { target })).map(lineOf)).toEqual(['r recovered'])
})

test('a filter keeps what it names, and pages have each item once', async () => {
  const names = ['filter-a', 'filter-b', 'filter-c']
  const series = await makeSeries(stores, names, ['x', 'y'])
  await stores.targets.save([{ name: 'filter-b', address: '127.0.0.1', labels: { filtered: 'yes' } }])
  const one = await pointInTimeOf(
    await audit(
      1000,
      series.map((s) => [s]),
    ),
  )
  const other = await pointInTimeOf(
    await audit(
      2000,
      series.map((s) => [s, s.rule === 'x' ? fail : unknown]),
    ),
  )
  const paths = async (filter: DriftFilter) => (await between(one, other, filter)).map((i) => `${i.target} ${i.rule}`)
  expect(await paths({ labels: { filtered: 'yes' } })).toEqual(['filter-b x', 'filter-b y'])
  expect(await paths({ target: 'filter-a', rule: 'y' })).toEqual(['filter-a y'])
  expect(await paths({ class: 'regressed' })).toEqual(names.map((name) => `${name} x`))
  expect(await paths({ vantage: 'elsewhere' })).toEqual([])
  expect(await paths({ policy: 'p', class: 'obscured' })).toEqual(names.map((name) => `${name} y`))

  const drift = await stores.drift.compare(one, other)
  expect(drift.summary).toMatchObject({ regressed: 3, obscured: 3, changed: 0, appeared: 0 })
  const walked: string[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await drift.page({ limit: 4, cursor })
    walked.push(...page.items.map((item) => `${item.target} ${item.rule}`))
    if (page.next === null) break
    cursor = page.next
  }
  expect(walked).toEqual(names.flatMap((name) => [`${name} x`, `${name} y`]))
})

test('the point in time of an audit is its newest observation', async () => {
  const [series] = await makeSeries(stores, ['point-in-time'])
  const id = await audit(4000, [[series]])
  expect((await stores.drift.pointInTimeOf(id))?.at).toEqual(at(4000))
  const empty = await startAudit(stores)
  expect((await stores.drift.pointInTimeOf(empty.auditId))?.at).toBeInstanceOf(Date)
  expect(await stores.drift.pointInTimeOf('019b7600-0000-7000-8000-000000000000')).toBeUndefined()
})
