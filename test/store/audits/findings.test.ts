import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'
import { describeReason } from '../../../src/domain/findings/reasons.ts'
import type { FindingOfTarget } from '../../../src/store/audits/findings.ts'
import { InvalidCursorError } from '../../../src/store/query/cursor-page.ts'
import { at, finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
let auditId: string
const evidence: Evidence = { probe: 'tcp', host: '10.0.0.1', port: 22, addresses: {} }

beforeAll(async () => {
  stores = await openTestStores()
  const series = await makeSeries(stores, ['b', 'a', 'c'], ['ssh', 'https', 'ldap'])
  const started = await startAudit(stores, { total: series.length })
  const outcomes = [
    { result: 'pass' },
    { result: 'fail', state: 'closed', reason: 'connection-refused', evidence },
    { result: 'unknown', state: 'unknown', reason: 'dns-unavailable', indirect: true },
  ] as const
  const findings = series.map((one, i) => finding(one, i, outcomes[i % 3]))
  await stores.record({ ...started, findings })
  auditId = started.auditId
  // Another audit of the same series, which must not show.
  await stores.record({ ...(await startAudit(stores)), findings: series.map((one) => finding(one, 999)) })
})
afterAll(() => stores.close())

const nameOf = ({ finding: { target, rule } }: FindingOfTarget) => `${target} ${rule}`
const names = async (filter: object) =>
  (await stores.findings.list(auditId, { limit: 100, ...filter })).items.map(nameOf)

describe('the findings of an audit', () => {
  test('show names, words and the evidence whole', async () => {
    const { items } = await stores.findings.list(auditId, { limit: 100, target: 'b' })
    expect(items.map(({ target }) => target)).toEqual(Array(3).fill(expect.objectContaining({ name: 'b', labels: {} })))
    expect(items.map(({ finding }) => finding)).toMatchObject([
      { target: 'b', rule: 'ssh', vantage: 'local', result: 'pass', state: 'open', evidence: null, indirect: false },
      {
        rule: 'https',
        result: 'fail',
        state: 'closed',
        reason: describeReason('connection-refused'),
        observedAt: at(1).toISOString(),
        latencyMs: 1,
        attempts: 1,
        evidence,
      },
      { rule: 'ldap', result: 'unknown', indirect: true },
    ])
  })

  test.each([
    [{ result: 'fail' }, ['a https', 'b https', 'c https']],
    [{ target: 'a' }, ['a ssh', 'a https', 'a ldap']],
    [{ rule: 'ssh', target: 'c' }, ['c ssh']],
    [{ vantage: 'local', result: 'unknown', target: 'a' }, ['a ldap']],
    [{ vantage: 'elsewhere' }, []],
    [{ target: "' OR true --" }, []],
    [{ target: '' }, []],
  ])('filtered by %o are %o', async (filter, found) => {
    expect(await names(filter)).toEqual(found)
  })

  test.each([1, 2, 4, 8, 9, 10])('walked %i at a time come in the same order, each once', async (limit) => {
    const whole = await names({})
    const walked: string[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await stores.findings.list(auditId, { limit, cursor })
      expect(page.items.length).toBeLessThanOrEqual(limit)
      walked.push(...page.items.map(nameOf))
      if (page.next === null) break
      cursor = page.next
    }
    expect(walked).toEqual(whole)
    expect(new Set(walked).size).toBe(9)
  })

  test('walked with a filter keep to it', async () => {
    const first = await stores.findings.list(auditId, { limit: 2, result: 'fail' })
    const rest = await stores.findings.list(auditId, { limit: 2, result: 'fail', cursor: first.next ?? '' })
    expect([...first.items, ...rest.items].map(({ target }) => target.name)).toEqual(['a', 'b', 'c'])
    expect(rest.next).toBeNull()
  })

  const raw = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  test.each([raw([1.5, 1]), raw([1e20, 1]), raw([null, 1]), raw(['1', 1])])(
    'are not continued by a cursor that no page gave: %s',
    async (cursor) => {
      await expect(stores.findings.list(auditId, { limit: 2, cursor })).rejects.toThrow(InvalidCursorError)
    },
  )
})
