import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Evidence } from '../../../../src/domain/findings/evidence.ts'
import { auditFormats } from '../../../../src/report/formats/index.ts'
import type { NewFinding } from '../../../../src/store/audits/record-findings.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { run } from '../../../support/processes.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { finding, makeSeries, policyOf, startAudit } from '../../../support/stores.ts'
import { makeTempDir } from '../../../support/temp-dir.ts'

let service: TestService
let audits: [first: string, second: string]
const types = Object.entries(auditFormats).map(([format, { mediaType }]) => [format, mediaType] as const)

const evidence = (address: string, sha256 = 'a'): Evidence => ({
  ...{ probe: 'ssh', host: address, port: 22 },
  addresses: {
    [address]: { state: 'open', reason: 'ssh-ok', facts: { hostKey: { type: 'x', sha256, verified: true } } },
  },
})

beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  // Two targets with one address: to identify hosts by address would lose one.
  const series = await makeSeries(
    stores,
    ['one', 'two'],
    ['same', 'regressed', 'changed', 'obscured', 'clarified', 'left', 'came'],
  )
  const policy = policyOf('p', ...new Set(series.map(({ rule }) => rule)))
  const targetIds = [...new Set(series.map(({ targetId }) => targetId))]
  const record = async (ms: number, seen: (one: (typeof series)[number]) => Partial<NewFinding> | undefined) => {
    const started = await startAudit(stores, { targetIds, policy })
    const findings = series.flatMap((one) =>
      seen(one) ? finding(one, ms, { evidence: evidence('10.0.0.1'), ...seen(one) }) : [],
    )
    await stores.record({ ...started, findings })
    await service.endAudit({ id: started.auditId })
    return started.auditId
  }
  const outOfScope = { result: 'notapplicable', state: 'unknown', reason: 'condition-not-met', evidence: null } as const
  const unknown = { result: 'unknown', state: 'unknown', reason: 'audit-deadline', evidence: null } as const
  const first = await record(1000, ({ rule }) => (rule === 'clarified' ? unknown : rule === 'came' ? outOfScope : {}))
  const second = await record(2000, ({ target, rule }) => {
    if (rule === 'regressed') return { result: 'fail', reason: 'unexpected-state' }
    if (rule === 'changed' && target === 'one') return { evidence: evidence('10.0.0.1', 'b') }
    if (rule === 'obscured') return unknown
    return rule === 'left' ? outOfScope : {}
  })
  audits = [first, second]
})
afterAll(() => service.stop())

describe.each(types)('an audit as %s', (format, type) => {
  test('comes by format and by Accept, with an ETag that saves the next reader all of it', async () => {
    const url = `/v1/audits/${audits[0]}`
    const named = await service.call('GET', `${url}?format=${format}`)
    const accepted = await service.call('GET', url, {
      headers: { accept: `text/x-none, ${type};q=0.9, application/json;q=0.1` },
    })
    for (const { status, headers } of [named, accepted])
      expect([status, headers['content-type']]).toEqual([200, `${type}; charset=utf-8`])
    expect(named.headers).toMatchObject({
      vary: expect.stringMatching(/^accept\b/),
      'content-disposition': expect.stringMatching(/^attachment; filename="audit-[0-9a-f-]{36}\.[a-z.]+"$/),
    })
    expect(accepted.body).toEqual(named.body)
    const etag = named.headers.etag ?? ''
    const again = await service.call('GET', `${url}?format=${format}`, { headers: { 'if-none-match': `"x", ${etag}` } })
    expect([again.status, again.body, again.headers.etag]).toEqual([304, '', etag])
    const other = await service.call('GET', `/v1/audits/${audits[1]}?format=${format}`, {
      headers: { 'if-none-match': etag },
    })
    expect(other.status).toBe(200)
  })

  test('is refused while the audit goes on', async () => {
    const { auditId } = await startAudit(service.stores)
    const response = await service.call('GET', `/v1/audits/${auditId}?format=${format}`)
    expect(response).toMatchObject({ status: 409, body: { detail: expect.stringContaining('running') } })
  })
})

test('findings that retention has dropped are refused in every form, and an empty selection is not', async () => {
  const [series] = await makeSeries(service.stores, ['kept'])
  const started = await startAudit(service.stores)
  await service.stores.record({ ...started, findings: series ? [finding(series, 1)] : [] })
  await service.endAudit({ id: started.auditId })
  const url = `/v1/audits/${started.auditId}`
  const get = (query: string, accept: string) => service.call('GET', `${url}${query}`, { headers: { accept } })
  expect(await get('/findings?result=fail', 'application/json')).toMatchObject({ status: 200, body: { items: [] } })
  await service.query(`DELETE FROM finding WHERE audit_id = '${started.auditId}'`)
  const forms: [query: string, type: string][] = [
    ...['application/json', 'text/csv', 'application/x-ndjson'].map((type): [string, string] => ['/findings', type]),
    ...types.map(([, type]): [string, string] => ['', type]),
    ['/findings?result=fail', 'application/json'],
    ['/findings?target=kept', 'text/csv'],
    ['/pack', 'application/zip'],
  ]
  for (const [query, type] of forms) {
    const response = await get(query, type)
    const detail = expect.stringContaining('PORTWARDEN_RETENTION_DAYS')
    expect([query, type, response]).toEqual([query, type, expect.objectContaining({ status: 409 })])
    expect(typeof response.body === 'string' ? JSON.parse(response.body) : response.body).toMatchObject({ detail })
  }
})

test('an audit whose findings retention has dropped is no document without findings', async () => {
  const series = await makeSeries(service.stores, ['gone'])
  const started = await startAudit(service.stores, { targetIds: series.map(({ targetId }) => targetId) })
  await service.stores.record({ ...started, findings: series.map((one) => finding(one, 1000)) })
  await service.endAudit({ id: started.auditId })
  await service.query(`DELETE FROM finding WHERE audit_id = '${started.auditId}'`)
  const response = await service.call('GET', `/v1/audits/${started.auditId}?format=junit`)
  expect(response).toMatchObject({ status: 409, body: { detail: expect.stringContaining('not kept') } })
})

describeWithPeers(['ndiff'], 'ndiff of two audits', () => {
  /** What the drift report says, as `target@vantage rule`. */
  async function drifted(from: string, to: string): Promise<string[]> {
    const pages = await service.walk(`/v1/reports/drift?from=audit:${from}&to=audit:${to}&limit=2`)
    return pages.flat().map(({ target, vantage, rule }) => `${target}@${vantage} ${rule}`)
  }

  async function differing(from: string, to: string): Promise<string[]> {
    const dir = await makeTempDir('ndiff')
    onTestFinished(dir.remove)
    const files = await Promise.all(
      [from, to].map(async (id) => {
        const { body } = await service.call('GET', `/v1/audits/${id}?format=nmap`)
        const file = join(dir.path, `${id}.xml`)
        await writeFile(file, body)
        return file
      }),
    )
    const { stdout, stderr } = await run('ndiff', ['--xml', ...files])
    expect(stderr).toBe('')
    return [...stdout.matchAll(/<hostdiff>.*?<\/hostdiff>/gs)].flatMap(([host]) => {
      const name = /<hostname name="([^"]+)"/.exec(host)?.[1]
      // What is the same on both sides stands outside of <a> and <b>. A side has all lines of a script of which one differs.
      const sides = (['a', 'b'] as const).map((side) => {
        const inside = [...host.matchAll(new RegExp(`<${side}>(.*?)</${side}>`, 'gs'))].map(([, text = '']) => text)
        return inside.flatMap((text) =>
          [...text.matchAll(/\boutput="([^"]+)"/g)].flatMap(([, output = '']) => output.split(/&#10;|\n/)),
        )
      })
      const [before = [], after = []] = sides
      const lines = [...before, ...after].filter((line) => before.includes(line) !== after.includes(line))
      return [...new Set(lines.map((line) => `${name} ${line.split(':')[0]}`))]
    })
  }

  test('reports the differences of the drift report, and no other', async () => {
    const [first, second] = audits
    const drift = await drifted(first, second)
    expect(drift).toHaveLength(11)
    expect((await differing(first, second)).sort()).toEqual(drift.sort())
    expect((await differing(second, first)).sort()).toEqual(drift.sort())
    expect(await differing(first, first)).toEqual([])
  })
})
