import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findingPartition } from '../../../src/store/db/partitions.ts'
import { query } from '../../support/database-server.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

/** Services that a test does to as others must not see. */
const own: TestService[] = []
afterEach(async () => {
  for (const one of own.splice(0)) await one.stop()
})
async function start() {
  const one = await startService()
  own.push(one)
  return one
}
async function audited(one = service): Promise<string> {
  const id = await one.accept({ params: { openPort: 1, closedPort: 1 } })
  await one.ended(id)
  return id
}
const verify = async (more = '', one = service) => (await one.call('GET', `/v1/ledger/verify?${more}`)).body
const entryOf = async (auditId: string, one = service) =>
  (await one.call('GET', `/v1/ledger?action=audit.finish&subject=${auditId}`)).body.items[0]

describe('GET /v1/ledger', () => {
  test('begins with its beginning and the built-in policies, and goes on page by page', async () => {
    await audited()
    const entries = (await service.walk('/v1/ledger?limit=2')).flat()
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => entries.length - i))
    expect(entries.at(-1)).toMatchObject({ seq: 1, actor: 'system', action: 'ledger.begin', prev: '0'.repeat(64) })
    expect(entries.at(-2)).toMatchObject({ action: 'policy.put', subject: 'netwrix-endpoint-protector' })
  })

  test('lists an ended audit with counts, policy, and a digest over its findings', async () => {
    const id = await audited()
    const entry = await entryOf(id)
    const audit = (await service.call('GET', `/v1/audits/${id}`)).body
    expect(entry).toMatchObject({
      actor: 'test',
      actorName: null,
      payload: {
        status: 'completed',
        verdict: audit.verdict,
        policy: audit.policy,
        finishedAt: audit.finishedAt,
        counts: audit.counts,
        findings: { count: 4, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    })
  })

  test('lists the entries of a period', async () => {
    const whole = (await service.walk('/v1/ledger')).flat()
    const [from, to] = [whole.at(-2)?.at, whole.at(0)?.at]
    const within = (await service.walk(`/v1/ledger?limit=2&from=${from}&to=${to}`)).flat()
    expect(within.map(({ seq }) => seq)).toEqual(whole.filter(({ at }) => at >= from && at < to).map(({ seq }) => seq))
    expect(within.length).toBeGreaterThan(0)
    expect(await service.call('GET', `/v1/ledger?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z`)).toMatchObject({
      status: 422,
      body: { errors: [{ in: 'query', pointer: '/from' }] },
    })
  })

  test('is for auditors, and for no limited key', async () => {
    const { keys } = service.stores
    const auditor = await keys.create('auditor', ['reports:read'])
    const runner = await keys.create('runner', ['audits:run'])
    const limited = await keys.create('team', ['reports:read'], { targetScope: { site: 'hq' } })
    for (const url of ['/v1/ledger', '/v1/ledger/head', '/v1/ledger/verify']) {
      expect((await service.call('GET', url, { key: auditor })).status).toBe(200)
      expect((await service.call('GET', url, { key: runner })).status).toBe(403)
      expect((await service.call('GET', url, { key: limited })).status).toBe(403)
    }
  })
})

describe('GET /v1/ledger/verify', () => {
  test('finds a ledger intact, in parts too, and against a head', async () => {
    const head = (await service.call('GET', '/v1/ledger/head')).body
    await audited()
    expect(await verify(`head=${head.head}`)).toMatchObject({ verdict: 'intact', broken: null, next: null })
    const first = await verify('limit=2')
    expect(first).toMatchObject({ entries: 2, next: 3 })
    expect(await verify(`from=${first.next}`)).toMatchObject({ verdict: 'intact', next: null })
  })

  test('refuses what it cannot work with', async () => {
    const { head } = (await service.call('GET', '/v1/ledger/head')).body
    const forged = head.replace(/^\d+/, '2')
    for (const [part, pointer] of [
      ['from=1000000', '/from'],
      [`head=${forged}`, '/head'],
    ]) {
      const response = await service.call('GET', `/v1/ledger/verify?${part}`)
      expect([response.status, response.body.errors[0].pointer]).toEqual([422, pointer])
    }
    for (const part of ['head=x', 'from=0', 'limit=1000000', 'findings=2'])
      expect((await service.call('GET', `/v1/ledger/verify?${part}`)).status).toBe(400)
  })

  test('finds findings as they were, also when a batch is delivered again after the end', async () => {
    const one = await start()
    const id = await audited(one)
    await one.query(`UPDATE batch SET done_at = NULL WHERE audit_id = '${id}'`)
    const [series] = await one.query<{ target_id: number; series_id: number }>('SELECT * FROM finding LIMIT 1')
    await one.stores.record({
      auditId: id,
      batchId: null,
      findings: [
        {
          ...{ targetId: series?.target_id ?? 0, seriesId: series?.series_id ?? 0, observedAt: new Date() },
          ...{ result: 'pass', state: 'open', reason: 'as-expected', latencyMs: 1, attempts: 1, indirect: false },
          evidence: null,
        },
      ],
    })
    expect(await verify('findings=true', one)).toMatchObject({
      verdict: 'intact',
      findings: { audits: 1, dropped: 0 },
    })
  })

  const edits: [string, string][] = [
    ['a result', 'UPDATE finding SET result = 0 WHERE result <> 0'],
    ['a time', "UPDATE finding SET observed_at = observed_at - interval '1 millisecond'"],
    ['an evidence', `UPDATE evidence SET content = content || '{"port": 2}'`],
    ['a finding too few', 'DELETE FROM finding WHERE ctid IN (SELECT ctid FROM finding LIMIT 1)'],
    ['none left, and no retention', 'DELETE FROM finding'],
    ['the name of a target', "UPDATE target SET name = 'another'"],
    [
      'a finding added, of an unknown target,',
      'INSERT INTO finding SELECT (jsonb_populate_record(f, \'{"series_id": 999999}\')).* FROM finding f LIMIT 1',
    ],
    [
      'a waiver added',
      `INSERT INTO finding_permission (audit_id, target_id, series_id, waiver_id)
       SELECT audit_id, target_id, series_id, audit_id FROM finding LIMIT 1`,
    ],
  ]
  test.each(edits)('finds %s that was changed by hand in the findings of an audit', async (_, edit) => {
    const one = await start()
    const id = await audited(one)
    await query(one.url, [edit])
    const { seq } = await entryOf(id, one)
    expect(await verify('', one)).toMatchObject({ verdict: 'intact' })
    expect(await verify('findings=true', one)).toMatchObject({
      verdict: 'broken',
      broken: { seq, kind: 'findings', message: expect.stringContaining(id) },
    })
  })

  test('finds an audit of which anything was changed by hand that its entry says', async () => {
    const one = await start()
    const id = await audited(one)
    const { seq } = await entryOf(id, one)
    const broken = { seq, kind: 'audit', message: expect.stringContaining(id) }
    await query(one.url, ['CREATE TABLE audit_before AS TABLE audit'])
    for (const edit of [
      "verdict = 'pass'",
      `counts = counts || '{"fail": 0}'`,
      "finished_at = finished_at - interval '1 day'",
      "requested_by = 'another'",
      'policy_id = (SELECT min(id) FROM policy)',
      "status = 'running', finished_at = NULL",
    ]) {
      await query(one.url, [`UPDATE audit SET ${edit}`])
      expect([edit, await verify('', one)]).toEqual([edit, expect.objectContaining({ verdict: 'intact' })])
      expect([edit, (await verify('findings=true', one)).broken]).toEqual([edit, broken])
      await query(one.url, ['DELETE FROM audit', 'INSERT INTO audit TABLE audit_before'])
    }
    expect(await verify('findings=true', one)).toMatchObject({ verdict: 'intact' })
  })

  test('finds a policy whose document was changed by hand, and a version that was never put', async () => {
    const one = await start()
    const [entry] = (await one.call('GET', '/v1/ledger?action=policy.put&subject=netwrix-endpoint-protector')).body
      .items
    const where = "WHERE name = 'netwrix-endpoint-protector'"
    await query(one.url, ['CREATE TABLE policy_before AS TABLE policy'])
    for (const edit of [`document = jsonb_set(document, '{rules,0,severity}', '"info"')`, 'version = 7']) {
      await query(one.url, [`UPDATE policy SET ${edit} ${where}`])
      expect(await verify('', one)).toMatchObject({ verdict: 'intact' })
      const broken = { seq: entry.seq, kind: 'policy', message: expect.stringContaining(entry.subject) }
      expect([edit, (await verify('findings=true', one)).broken]).toEqual([edit, broken])
      await query(one.url, [
        `UPDATE policy p SET document = b.document, version = b.version FROM policy_before b WHERE p.id = b.id`,
      ])
    }
    expect(await verify('findings=true', one)).toMatchObject({ verdict: 'intact' })
    await one.query(
      `INSERT INTO policy (name, version, digest, document) SELECT name, 2, digest, document FROM policy ${where}`,
    )
    const { seq } = (await one.call('GET', '/v1/ledger/head')).body
    const message = expect.stringContaining('netwrix-endpoint-protector version 2')
    expect((await verify('findings=true', one)).broken).toEqual({ seq: seq + 1, kind: 'policy', message })
  })

  test('names an audit that has ended and has no entry, where the ledger ends, also with forged dates', async () => {
    const one = await start()
    const id = await audited(one)
    const copy = (to: string, finishedAt: string) =>
      one.query(`INSERT INTO audit SELECT (jsonb_populate_record(a, jsonb_build_object('id', '${to}', 'finished_at', ${finishedAt}))).*
        FROM audit a WHERE id = '${id}'`)
    await copy('01900000-0000-7000-8000-000000000001', "'2020-01-01T00:00:00Z'")
    const { broken } = await verify('findings=true', one)
    expect(broken).toMatchObject({
      kind: 'audit',
      message: expect.stringContaining('01900000-0000-7000-8000-000000000001'),
    })
    await one.query("DELETE FROM audit WHERE id = '01900000-0000-7000-8000-000000000001'")
    await copy('01900000-0000-7000-8000-000000000002', 'now()')
    const { seq } = (await one.call('GET', '/v1/ledger/head')).body
    expect(await verify('findings=true', one)).toMatchObject({
      verdict: 'broken',
      broken: {
        ...{ seq: seq + 1, kind: 'audit' },
        message: expect.stringContaining('01900000-0000-7000-8000-000000000002'),
      },
    })
    expect(await verify('findings=true&limit=1', one)).toMatchObject({ verdict: 'intact', next: 2 }) // not the last part
  })

  test('finds without a head that the tail was cut, where an audit is left', async () => {
    const one = await start()
    const id = await audited(one)
    const { seq } = await entryOf(id, one)
    await query(one.url, [
      'ALTER TABLE ledger_entry DISABLE TRIGGER ALL',
      `DELETE FROM ledger_entry WHERE seq >= ${seq}`,
    ])
    expect(await verify('', one)).toMatchObject({ verdict: 'intact' })
    expect(await verify('findings=true', one)).toMatchObject({ broken: { seq, kind: 'audit' } })
  })

  test('distinguishes findings that retention dropped from those that were removed otherwise', async () => {
    const one = await start()
    const id = await audited(one)
    await one.query(`DROP TABLE ${findingPartition(id)}`)
    expect(await verify('findings=true', one)).toMatchObject({ broken: { kind: 'findings' } })
    await one.transaction(async ({ ledger }) => {
      const payload = { retentionDays: 1 }
      ledger.record({ actor: 'system', action: 'findings.drop', subject: findingPartition(id), payload })
    })
    expect(await verify('findings=true', one)).toMatchObject({
      verdict: 'intact',
      findings: { audits: 0, dropped: 1 },
    })
  })
})
