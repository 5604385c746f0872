import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import { type LedgerEntry, sealEntry } from '../../../src/domain/ledger.ts'
import { endAtDeadline } from '../../../src/operations/audits/deadlines.ts'
import { finishAudit } from '../../../src/operations/audits/finish.ts'
import { planAudit } from '../../../src/operations/audits/plan-audit.ts'
import { runBatch } from '../../../src/operations/audits/run-batch.ts'
import { beginLedger } from '../../../src/operations/ledger/begin.ts'
import { maintain } from '../../../src/operations/maintenance.ts'
import type { Observe } from '../../../src/probes/engine/run-check.ts'
import { digestStates, type ObjectState } from '../../../src/store/ledger/object-states.ts'
import { ledgerKeys } from '../../support/ledger.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeEach(async () => {
  service = await startService({ working: false })
})
afterEach(() => service.stop())

const all = Number.POSITIVE_INFINITY
const verify = () => service.stores.ledger.verify({ from: 1, limit: all, findings: all })
const accept = (targets = [{ name: 'host', address: '127.0.0.1' }]) =>
  service.accept({ targets, params: { openPort: 1, closedPort: 1 }, vantages: ['local'] })
const observe = () => Promise.reject(new Error('nothing is probed'))

/** Runs the batches of an audit as its worker does; every check is `unknown`, because the vantage is offline. */
async function run(auditId: string) {
  await planAudit(service, auditId)
  for (const { id: batchId } of await service.stores.batches.open(auditId))
    await runBatch({ ...service, observe, isOnline: async () => false }, { auditId, batchId })
}
const audited = async () => {
  const id = await accept()
  await run(id)
  return id
}
const finishEntry = async (auditId: string) =>
  (await service.stores.ledger.list({ action: 'audit.finish', subject: auditId, limit: 1 })).items[0]?.payload

const forged = '01900000-0000-7000-8000-00000000000f'

describe('the end of an audit', () => {
  test('vouches for what this service requested, planned and recorded', async () => {
    const id = await audited()
    expect(await finishEntry(id)).toMatchObject({
      status: 'completed',
      record: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(await finishEntry(id)).not.toHaveProperty('unproven')
    expect(await verify()).toMatchObject({ verdict: 'intact', findings: { audits: 1, unproven: 0 } })
  })

  test('does not vouch for a running audit with copied findings that was forged', async () => {
    const id = await audited()
    await service.query(`
      INSERT INTO audit SELECT (jsonb_populate_record(a, '{"id": "${forged}", "status": "running", "verdict": null, "finished_at": null}')).* FROM audit a;
      SELECT ensure_finding_partition('2024-06-10'::timestamptz)`)
    await service.query(`
      INSERT INTO finding SELECT (jsonb_populate_record(f, '{"audit_id": "${forged}", "result": 0}')).* FROM finding f WHERE audit_id = '${id}';
      INSERT INTO recording (audit_id, target_ids, series_ids, seal) SELECT '${forged}', target_ids, series_ids, seal FROM recording`)
    await finishAudit(service, forged)
    expect(await finishEntry(forged)).toMatchObject({ unproven: ['request', 'plan', 'findings'] })
    expect(await verify()).toMatchObject({
      verdict: 'broken',
      broken: { kind: 'unproven', message: expect.stringContaining(forged) },
    })
  })

  const edits: [what: string, statement: string, unproven: string][] = [
    ['its request', `UPDATE audit SET correlation_id = 'CHG2'`, 'request'],
    ['its targets', `UPDATE audit SET target_ids = '{}'`, 'request'],
    ['its parameters', `UPDATE audit SET params = '{"openPort": 2, "closedPort": 2}'`, 'request'],
    ['the size of its plan', 'UPDATE audit SET total = total - 1', 'plan'],
    ['its planned vantages', `UPDATE audit SET planned_vantages = '[]'`, 'plan'],
    [
      'the host of a check',
      `UPDATE batch SET checks = replace(checks::text, '127.0.0.1', '127.0.0.2')::jsonb`,
      'findings',
    ],
    [
      'the expectation of a rule',
      `UPDATE batch SET checks = replace(checks::text, 'closed', 'open')::jsonb`,
      'findings',
    ],
  ]
  test.each(edits)(
    'does not vouch for an audit of which %s was changed before its batch ran',
    async (_, edit, part) => {
      const id = await accept()
      await service.query(edit)
      await run(id)
      expect(await finishEntry(id)).toMatchObject({ unproven: expect.arrayContaining([part]) })
      expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'unproven' } })
    },
  )

  const findingEdits: [what: string, statement: string, unproven: string][] = [
    ['result', 'UPDATE finding SET result = 0', 'findings'],
    ['time', `UPDATE finding SET observed_at = observed_at - interval '1 second'`, 'findings'],
    ['removal', 'DELETE FROM finding WHERE ctid = (SELECT ctid FROM finding LIMIT 1)', 'missing-findings'],
    ['seal', 'DELETE FROM recording', 'findings'],
  ]
  test.each(findingEdits)('does not vouch for recorded findings after an edit of their %s', async (_, edit, part) => {
    const id = await accept()
    await service.query(`SELECT 1 FROM audit`)
    await planAudit(service, id)
    await service.query(edit) // of those that needed no probe
    await run(id)
    expect(await finishEntry(id)).toMatchObject({ unproven: expect.arrayContaining([part]) })
  })
})

describe('what the service changes itself', () => {
  test('stays intact: cancellation, deadline, new labels, retirement, a second delivery, retention', async () => {
    const canceled = await accept()
    expect((await service.call('POST', `/v1/audits/${canceled}/cancel`)).status).toBeLessThan(300)
    await run(canceled)
    const overdue = await accept()
    await endAtDeadline({ ...service, dropBatches: async () => {} }, overdue)
    const ended = await audited()
    for (const { id: batchId } of await service.query<{ id: number }>('SELECT id FROM batch'))
      await runBatch({ ...service, observe, isOnline: async () => false }, { auditId: ended, batchId })
    const labels = { site: 'hq' }
    const body = { address: '127.0.0.1', labels }
    expect((await service.call('PUT', '/v1/targets/host', { body })).status).toBe(200)
    expect((await service.call('POST', '/v1/targets', { body: { ...body, name: 'gone' } })).status).toBe(201)
    expect((await service.call('DELETE', '/v1/targets/gone')).status).toBe(204)
    expect(await verify()).toMatchObject({ verdict: 'intact', findings: { audits: 3, dropped: 0, unproven: 0 } })
    const { droppedPartitions } = await maintain(service, { retentionDays: -62 })
    expect(droppedPartitions.length).toBeGreaterThan(0)
    expect(await verify()).toMatchObject({ verdict: 'intact', findings: { audits: 0, dropped: 3 } })
    expect(await service.query('SELECT FROM recording')).toEqual([])
  })
})

describe('what was edited before the service signs the object again', () => {
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
  const selection = { policy: 'netwrix-endpoint-protector', targets: ['host'], reason: 'the move' }
  const make = async (path: string, body: object) => (await service.call('POST', path, { body })).body
  beforeEach(async () => {
    const { status } = await service.call('POST', '/v1/targets', { body: { name: 'host', address: '127.0.0.1' } })
    expect(status).toBe(201)
  })

  test('is found in a waiver that another key approves', async () => {
    const { key } = await make('/v1/keys', { name: 'other', scopes: ['admin'] })
    const { id } = await make('/v1/waivers', { ...selection, rules: ['client-https'], expiresAt: inAnHour() })
    await service.query(`UPDATE waiver SET expires_at = expires_at + interval '5 years'`)
    expect((await service.call('POST', `/v1/waivers/${id}/approve`, { key })).status).toBeLessThan(300)
    const message = expect.stringContaining(id)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'object', message } })
  })

  test('is found in a window that another key approves', async () => {
    const rule = { title: 'SSH', severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: 22 }
    const rules = [{ id: 'ssh', ...rule, expect: { state: ['closed'] }, insideWindow: { expect: { state: ['open'] } } }]
    await service.call('PUT', '/v1/policies/gate', { body: { name: 'gate', title: 'Gate', rules } })
    const { key } = await make('/v1/keys', { name: 'other', scopes: ['admin'] })
    const request = { policy: 'gate', rules: ['ssh'], targets: ['host'], reason: 'the move', ticket: 'CHG1' }
    const { id } = await make('/v1/windows', { ...request, from: new Date().toISOString(), to: inAnHour() })
    await service.query(`UPDATE access_window SET ticket = 'CHG2'`)
    expect((await service.call('POST', `/v1/windows/${id}/approve`, { key })).status).toBeLessThan(300)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'object' } })
  })

  test('is found where an approval was forged, and the waiver is then revoked', async () => {
    const { id } = await make('/v1/waivers', { ...selection, rules: ['client-https'], expiresAt: inAnHour() })
    await service.query(`UPDATE waiver SET approved_by = 'forged', approved_at = now()`)
    expect((await service.call('POST', `/v1/waivers/${id}/revoke`)).status).toBeLessThan(300)
    const message = expect.stringContaining(`approval of ${id}`)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'object', message } })
  })

  test('is found where an approval was forged, and the window is then canceled', async () => {
    const rule = { title: 'SSH', severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: 22 }
    const rules = [{ id: 'ssh', ...rule, expect: { state: ['closed'] }, insideWindow: { expect: { state: ['open'] } } }]
    await service.call('PUT', '/v1/policies/forged', { body: { name: 'forged', title: 'Gate', rules } })
    const request = { policy: 'forged', rules: ['ssh'], targets: ['host'], reason: 'the move', ticket: 'CHG1' }
    const { id } = await make('/v1/windows', { ...request, from: new Date().toISOString(), to: inAnHour() })
    await service.query(`UPDATE access_window SET approved_by = 'forged', approved_at = now()`)
    expect((await service.call('POST', `/v1/windows/${id}/cancel`)).status).toBeLessThan(300)
    const message = expect.stringContaining(`approval of ${id}`)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'object', message } })
  })

  test('is found in a key that is revoked', async () => {
    const { id: keyId } = await make('/v1/keys', { name: 'other', scopes: ['admin'] })
    await service.query(`UPDATE api_key SET created_at = created_at - interval '1 day' WHERE id = '${keyId}'`)
    expect((await service.call('DELETE', `/v1/keys/${keyId}`)).status).toBeLessThan(300)
    const message = expect.stringContaining(keyId)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'object', message } })
  })
})

test('an audit under way that shows findings is found once its request was changed', async () => {
  const checks = ['one', 'two'].map((name) => ({ name, address: '127.0.0.1' }))
  const id = await accept(checks)
  await planAudit(service, id)
  expect(await verify()).toMatchObject({ verdict: 'intact' })
  await service.query(`UPDATE audit SET reason = 'forged'`)
  expect(await service.query('SELECT FROM finding')).not.toEqual([])
  expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'unproven' } })
})

test('a start on a ledger in the form of an older one adopts nothing unseen', async () => {
  await audited()
  const edit = (statement: string) =>
    service.query(`ALTER TABLE ledger_entry DISABLE TRIGGER ALL; ${statement};
      ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER "ledger_entry_append_only"`)
  const [first] = await service.query<{ payload: object }>('SELECT payload FROM ledger_entry WHERE seq = 1')
  await edit(`UPDATE ledger_entry SET payload = '{}' WHERE seq = 1`)
  await service.query(`INSERT INTO audit SELECT (jsonb_populate_record(a, '{"id": "${forged}"}')).* FROM audit a`)
  await beginLedger(service)
  await edit(`UPDATE ledger_entry SET payload = $$${JSON.stringify(first?.payload)}$$ WHERE seq = 1`)
  expect(await verify()).toMatchObject({ verdict: 'broken', broken: { message: expect.stringContaining('adopts') } })
})

/** Turns the ledger into that of a version before states and seals. */
async function becomeOld() {
  const entries: LedgerEntry[] = []
  for (const { seq, at, payload, ...entry } of (await service.stores.ledger.list({ limit: 1_000 })).items.reverse()) {
    const { states: _, record: _record, ...older } = payload as Record<string, unknown>
    const change = { ...entry, payload: older } as Parameters<typeof sealEntry>[0]
    entries.push(sealEntry(change, { seq, at, prev: entries.at(-1)?.hash ?? '0'.repeat(64) }, ledgerKeys[0]))
  }
  await service.query(`
    ALTER TABLE ledger_entry DISABLE TRIGGER ALL; ALTER TABLE ledger_state DISABLE TRIGGER ALL;
    TRUNCATE ledger_state, ledger_entry, recording; UPDATE audit SET seal = NULL; UPDATE batch SET seal = NULL;
    ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER "ledger_entry_append_only";
    ALTER TABLE ledger_state ENABLE ALWAYS TRIGGER "ledger_state_append_only"`)
  await write(entries)
}
const write = (entries: readonly LedgerEntry[]) =>
  service.query(
    `INSERT INTO ledger_entry SELECT * FROM jsonb_to_recordset($$${JSON.stringify(
      entries.map(({ keyId, ...entry }) => ({ ...entry, key_id: keyId })),
    )}$$) AS g(seq bigint, at timestamptz, actor text, action text, subject text, payload jsonb, key_id text, prev text, hash text, mac text)`,
  )

/** An entry as an older process writes it. */
async function writeOlder(action: string, subject: string, payload: object) {
  const end = await service.stores.ledger.head()
  const change = { actor: 'test', action, subject, payload } as Parameters<typeof sealEntry>[0]
  const at = new Date().toISOString()
  await write([sealEntry(change, { seq: (end?.seq ?? 0) + 1, at, prev: end?.hash ?? '' }, ledgerKeys[0])])
}

describe('a database of an older version', () => {
  test('verifies as what it is, and its objects are covered from the upgrade on', async () => {
    await audited()
    await becomeOld()
    await beginLedger(service)
    await beginLedger(service)
    expect(await service.query(`SELECT FROM ledger_entry WHERE action = 'ledger.adopt'`)).toHaveLength(1)
    const found = await verify()
    expect(found).toMatchObject({ verdict: 'intact', findings: { audits: 1, older: 1, unproven: 0 } })
    expect(found?.findings?.adopted).toBeGreaterThan(2)
    await service.query(`UPDATE target SET address = '127.0.0.2'`)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { kind: 'object' } })
  })

  test('adopts audits that ended without an entry, and finds a change of them', async () => {
    const id = await audited()
    await becomeOld()
    await service.query(`INSERT INTO audit SELECT (jsonb_populate_record(a, '{"id": "${forged}"}')).* FROM audit a`)
    await beginLedger(service)
    expect(await verify()).toMatchObject({ verdict: 'intact', findings: { audits: 1 } })
    await service.query(`UPDATE audit SET reason = 'edited' WHERE id = '${forged}'`)
    expect(await verify()).toMatchObject({
      verdict: 'broken',
      broken: { kind: 'audit', message: expect.stringContaining(forged) },
    })
    expect(id).not.toBe(forged)
  })

  test('stays intact where an older version began it that covered no approvals, schedules, webhooks and vantages', async () => {
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['client'] } })
    const webhook = { url: 'https://receiver.example/', events: ['finding.opened'] }
    const { id } = (await service.call('POST', '/v1/webhooks', { body: webhook })).body
    await becomeOld()
    await beginLedger(service)
    await service.query(`
      ALTER TABLE ledger_entry DISABLE TRIGGER ALL; ALTER TABLE ledger_state DISABLE TRIGGER ALL;
      DELETE FROM ledger_state WHERE kind IN ('approval', 'schedule', 'webhook', 'vantage')`)
    const adoption = (await service.stores.ledger.list({ limit: 1 })).items[0] as LedgerEntry
    const states = await service.query<ObjectState>('SELECT kind, subject, digest FROM ledger_state')
    await service.query(`DELETE FROM ledger_entry WHERE seq = ${adoption.seq}`)
    await writeOlder('ledger.adopt', 'ledger', { states: digestStates(states) })
    expect(await verify()).toMatchObject({ verdict: 'intact' })
    await service.call('PATCH', `/v1/webhooks/${id}`, { body: { description: 'new' } })
    expect(await verify()).toMatchObject({ verdict: 'intact' })
    await service.query(`UPDATE webhook SET enabled = false WHERE id = '${id}'`)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { message: expect.stringContaining(id) } })
  })

  test('stays intact while processes of the older version accept, record and end audits and change objects', async () => {
    await audited()
    await becomeOld()
    await beginLedger(service)
    const mixed = await accept() // accepted by the older version, ended by this one
    await service.query(`UPDATE audit SET seal = NULL WHERE id = '${mixed}'; UPDATE batch SET seal = NULL`)
    await run(mixed)
    const ended = await audited() // ended by the older version
    const payload = (await finishEntry(ended)) as Record<string, unknown>
    await service.query(`
      ALTER TABLE ledger_entry DISABLE TRIGGER ALL; DELETE FROM ledger_entry WHERE subject = '${ended}';
      UPDATE target SET address = '127.0.0.3' WHERE name = 'host'`)
    const { record: _, ...older } = payload
    await writeOlder('audit.finish', ended, older)
    await writeOlder('target.change', 'host', { address: '127.0.0.3' })
    expect(await verify()).toMatchObject({
      verdict: 'intact',
      findings: { audits: 3, older: 2, unproven: 1, firstUnproven: mixed },
    })
  })
})

test('the pairs and observations of a paired rule are sealed until they are judged', async () => {
  await service.stores.vantages.announce({ name: 'away', zones: ['untrusted'] })
  const rule = { title: 'SSH', severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: 22 }
  const unlike = { from: ['untrusted'], expect: { state: ['closed'] } }
  const rules = [{ id: 'ssh', ...rule, expect: { state: ['open'] }, unlike }]
  const body = { name: 'pairs', title: 'Pairs', rules }
  expect((await service.call('PUT', '/v1/policies/pairs', { body })).status).toBeLessThan(300)
  const seen = (): Observation<'tcp'> => ({
    ...{ probe: 'tcp', host: '127.0.0.1', port: 22, observedAt: new Date().toISOString() },
    addressResults: [
      { address: '127.0.0.1', state: 'open', reason: 'tcp-connected', facts: {}, latencyMs: 0.25, attempts: 1 },
    ],
  })
  const auditPairs = async (edit = 'SELECT 1') => {
    const targets = [{ name: 'host', address: '127.0.0.1' }]
    const auditId = await service.accept({ policy: 'pairs', targets, params: {}, vantages: [] })
    await planAudit(service, auditId)
    for (const { id: batchId } of await service.stores.batches.open(auditId)) {
      await runBatch(
        { ...service, observe: (async () => seen()) as unknown as Observe, isOnline: async () => true },
        { auditId, batchId },
      )
      await service.query(edit)
    }
    return finishEntry(auditId)
  }
  expect(await auditPairs()).toMatchObject({ counts: { fail: 1 } })
  expect(await auditPairs()).not.toHaveProperty('unproven')
  const edit = `UPDATE batch SET paired_observations = replace(paired_observations::text, 'open', 'closed')::jsonb`
  expect(await auditPairs(edit)).toMatchObject({ unproven: ['findings'] })
})
