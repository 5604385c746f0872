import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLedgerStore } from '../../../src/store/ledger/entries.ts'
import type { Verification } from '../../../src/store/ledger/verification.ts'
import { listenSilently } from '../../support/app.ts'
import { ledgerKeys } from '../../support/ledger.ts'
import { listenForProofs } from '../../support/proofs.ts'
import { startService, type TestService } from '../../support/service.ts'

const tables = [
  ...['audit', 'finding', 'span', 'evidence', 'policy', 'rule', 'access_window', 'waiver', 'target', 'api_key'],
  ...['baseline', 'baseline_state', 'baseline_approval', 'finding_permission', 'ledger_state'],
  ...['schedule', 'webhook', 'vantage'],
]

let service: TestService
let columns: { table: string; column: string; type: string }[]
let limits: Set<string>
beforeAll(async () => {
  service = await startService()
  await fill(service)
  columns = await service.query(`
    SELECT table_name AS table, column_name AS column, CASE data_type WHEN 'ARRAY' THEN udt_name ELSE data_type END AS type
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY('{${tables}}') ORDER BY 1, ordinal_position`)
  const security = readFileSync(new URL('../../../SECURITY.md', import.meta.url), 'utf8')
  const section = security.split('### Edits that `verify` does not find')[1]?.split('\n## ')[0] ?? ''
  limits = new Set([...section.matchAll(/^\| `([^`]+)` \| .{20,} \|$/gm)].map(([, edit = '']) => edit))
})
afterAll(() => service.stop())

/** One row of everything that the ledger covers: waived and permitted findings, ended spans, a proven window, approvals. */
async function fill({ call, accept, ended, stores, url }: TestService) {
  const listener = await listenSilently()
  const proofs = await listenForProofs({ url, stores })
  const post = async (path: string, body?: object, key?: string) => {
    const { status, body: made } = await call('POST', path, { body, key })
    if (status > 299) throw new Error(`${path}: ${JSON.stringify(made)}`)
    return made
  }
  const rule = { severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: listener.port }
  const closed = { expect: { state: ['closed'] } }
  const rules = [
    { id: 'ssh', title: 'SSH', ...rule, ...closed, insideWindow: { expect: { state: ['open'] } } },
    { id: 'web', title: 'Web', ...rule, ...closed },
  ]
  await call('PUT', '/v1/policies/gateway', { body: { name: 'gateway', title: 'Gateway', rules } })
  const { key: other, id: otherId } = await post('/v1/keys', { name: 'other', scopes: ['admin'] })
  const target = { address: '127.0.0.1', roles: ['server'], labels: { site: 'hq' } }
  for (const name of ['one', 'two']) await post('/v1/targets', { ...target, name, externalId: `ci-${name}` })
  const audit = async (targets: string[]) => {
    const more = { correlationId: 'CHG1', reason: 'a test', vantages: ['local'] }
    const id = await accept({ policy: 'gateway', targets, ...more })
    await ended(id)
    return id
  }
  const selection = { policy: 'gateway', targets: ['one'], reason: 'the move' }
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
  const waiver = await post('/v1/waivers', { ...selection, rules: ['web'], expiresAt: inAnHour })
  await post(`/v1/waivers/${waiver.id}/approve`, undefined, other)
  const times = { from: new Date().toISOString(), to: inAnHour }
  const window = await post('/v1/windows', { ...selection, ...times, rules: ['ssh'], ticket: 'CHG1' })
  await post(`/v1/windows/${window.id}/approve`, undefined, other)
  await audit(['one'])
  const id = await audit(['two'])
  await listener.close()
  await audit(['one', 'two'])
  await post(`/v1/windows/${window.id}/cancel`)
  await proofs.proven(window.id)
  await post('/v1/baselines', { name: 'base', audit: id, reason: 'reviewed' })
  await call('DELETE', `/v1/keys/${otherId}`)
  const template = { policy: 'gateway', targets: ['one'] }
  await post('/v1/schedules', { name: 'nightly', cron: '30 2 * * *', timeZone: 'UTC', audit: template })
  const webhook = await post('/v1/webhooks', { url: 'https://receiver.example/', events: ['finding.opened'] })
  await post(`/v1/webhooks/${webhook.id}/rotate-secret`, {})
  await call('PUT', '/v1/vantages/branch', { body: { zones: ['client'] } })
  await proofs.stop()
}

class Undo extends Error {}

/** What `verify --findings` says after some statements, which are undone. */
async function verifyAfter(...statements: string[]): Promise<Verification> {
  let found: Verification | undefined
  await service
    .transaction(async (_, tx) => {
      await tx.$executeRawUnsafe(`SET LOCAL session_replication_role = 'replica'`)
      for (const guarded of ['ledger_entry', 'ledger_state'])
        await tx.$executeRawUnsafe(`ALTER TABLE ${guarded} DISABLE TRIGGER ALL`)
      for (const statement of statements)
        if ((await tx.$executeRawUnsafe(statement)) === 0) throw new Error(`changed nothing: ${statement}`)
      const all = Number.POSITIVE_INFINITY
      found = await createLedgerStore(tx, ledgerKeys).verify({ from: 1, limit: all, findings: all })
      throw new Undo()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error
    })
  if (!found) throw new Error('nothing was verified')
  return found
}
const isFound = async (...statements: string[]) => (await verifyAfter(...statements)).verdict === 'broken'

/** An edit by type; a type that is missing here fails the test. */
const edits: Record<string, (column: string) => string> = {
  text: (column) => `coalesce(${column}, '') || 'x'`,
  uuid: () => 'gen_random_uuid()',
  integer: (column) => `coalesce(${column}, 0) + 1000`,
  smallint: (column) => `${column} + 1`,
  bigint: (column) => `${column} + 1000`,
  'timestamp with time zone': (column) => `coalesce(${column}, now()) - interval '1 hour'`,
  jsonb: () => `'{"forged": "yes"}'`,
  bytea: () => `'\\x00'`,
  _text: (column) => `array_append(${column}, 'x')`,
  boolean: (column) => `NOT ${column}`,
  _int4: (column) => `array_append(${column}, 1000)`,
}
/** The edit that is hardest to find, where it is not the one of its type. */
const special: Record<string, string> = {
  'finding.audit_id': `(SELECT id FROM audit a WHERE NOT EXISTS (SELECT FROM finding g WHERE g.audit_id = a.id AND g.series_id = t.series_id) LIMIT 1)`,
  'span.to_at': `to_at - interval '1 millisecond'`,
  'evidence.content': `content || '{"port": 2}'`,
  'policy.document': `jsonb_set(document, '{rules,0,severity}', '"info"')`,
}
const chosen: Record<string, string> = {
  span: 'to_at IS NOT NULL',
  policy: `name = 'gateway'`,
  rule: `policy = 'gateway'`,
  api_key: `name = 'other'`,
  ledger_state: `kind = 'target'`,
  finding_permission: 'true',
  webhook: `id <> 'callbacks'`,
  vantage: `kind = 'agent'`,
}

describe('ledger verify --findings', () => {
  test('finds a database intact that the service alone wrote', async () => {
    expect(await verifyAfter('SELECT 1 FROM audit')).toMatchObject({
      verdict: 'intact',
      broken: null,
      findings: { audits: 4, dropped: 0, older: 0, unproven: 0 },
    })
  })

  test.each(tables)('finds an edit of every column of %s that SECURITY.md does not list', async (table) => {
    const own = columns.filter((one) => one.table === table)
    expect(own.length).toBeGreaterThan(2)
    for (const { column, type } of own) {
      const name = `${table}.${column}`
      const value = special[name] ?? edits[type]?.(`t."${column}"`)
      if (!value) throw new Error(`${name} has the type ${type}: say how it would be edited`)
      const row = `(tableoid, ctid) = (SELECT tableoid, ctid FROM "${table}" WHERE ${chosen[table] ?? 'true'} LIMIT 1)`
      const found = await isFound(`UPDATE "${table}" t SET "${column}" = ${value} WHERE ${row}`)
      expect([name, found ? 'found' : 'listed']).toEqual([name, limits.has(name) ? 'listed' : 'found'])
    }
  })

  const copyOf = (table: string, fields: string, where = 'true') =>
    `INSERT INTO "${table}" SELECT (jsonb_populate_record(t, jsonb_build_object(${fields}))).* FROM "${table}" t WHERE ${where} LIMIT 1`
  const swap = (table: string, column: string, a: string, b: string) => [
    `UPDATE ${table} SET ${column} = 'swapping' WHERE ${column} = '${a}'`,
    `UPDATE ${table} SET ${column} = '${a}' WHERE ${column} = '${b}'`,
    `UPDATE ${table} SET ${column} = '${b}' WHERE ${column} = 'swapping'`,
  ]
  const unknown = `(SELECT overlay(max(audit_id::text) PLACING 'ffffffffffff' FROM 25) FROM finding)`
  const forgeries: [string, ...string[]][] = [
    [
      'policy: created before entry 1',
      copyOf('policy', `'id', 77, 'version', 77, 'created_at', '2001-01-01T00:00:00Z'`),
    ],
    ['policy: deleted', `DELETE FROM policy WHERE name = 'gateway'`],
    [
      'policy: document and digest replaced',
      `UPDATE policy SET document = document || '{"title": "x"}', digest = repeat('a', 64) WHERE name = 'gateway'`,
    ],
    ['audit: completed without an end', copyOf('audit', `'id', gen_random_uuid(), 'finished_at', NULL`)],
    [
      'audit: completed before the ledger began',
      copyOf('audit', `'id', gen_random_uuid(), 'finished_at', '2001-01-01T00:00:00Z'`),
    ],
    [
      'audit: running with a verdict',
      copyOf('audit', `'id', gen_random_uuid(), 'finished_at', NULL, 'status', 'running'`),
    ],
    ['audit: set back to running', `UPDATE audit SET status = 'running', finished_at = NULL, verdict = NULL`],
    ['audit: deleted with its findings', `DELETE FROM finding`, `DELETE FROM audit`],
    ['finding: deleted', `DELETE FROM finding WHERE ctid = (SELECT ctid FROM finding LIMIT 1)`],
    ['finding: all deleted', `DELETE FROM finding`],
    ['finding: added', copyOf('finding', `'series_id', 999999`)],
    [
      'finding: of an audit that is not there',
      copyOf('span', `'audit_id', ${unknown}, 'series_id', 999999`),
      copyOf('finding', `'audit_id', ${unknown}, 'series_id', 999999`),
    ],
    [
      'finding: of a forged audit that never ends',
      copyOf(
        'audit',
        `'id', ${unknown}, 'finished_at', NULL, 'status', 'running', 'verdict', NULL, 'deadline_at', '2099-01-01'`,
      ),
      copyOf('finding', `'audit_id', ${unknown}, 'result', 0`),
    ],
    ['finding: result and span edited alike', `UPDATE finding SET result = 0`, `UPDATE span SET result = 0`],
    [
      'finding: a window added',
      `INSERT INTO finding_permission (audit_id, target_id, series_id, window_id)
      SELECT f.audit_id, f.target_id, f.series_id, w.id FROM finding f, access_window w
      WHERE NOT EXISTS (SELECT FROM finding_permission p WHERE p.audit_id = f.audit_id AND p.series_id = f.series_id) LIMIT 1`,
    ],
    ['finding: its waiver removed', `DELETE FROM finding_permission WHERE waiver_id IS NOT NULL`],
    [
      'span: added',
      copyOf('span', `'from_at', '2001-01-01T00:00:00Z', 'to_at', '2001-01-02T00:00:00Z'`, 'to_at IS NOT NULL'),
    ],
    ['span: overlaps the next', `UPDATE span SET to_at = now() WHERE to_at IS NOT NULL`],
    ['span: deleted', `DELETE FROM span WHERE to_at IS NOT NULL`],
    ['evidence: deleted', `DELETE FROM evidence`],
    [
      'evidence: content and digest replaced',
      `UPDATE evidence SET content = '{}', digest = sha256('{}'::bytea) WHERE id = (SELECT max(id) FROM evidence)`,
    ],
    ['rule: added', `INSERT INTO rule (policy, name) VALUES ('gateway', 'forged')`],
    ['rule: names swapped', ...swap('rule', 'name', 'ssh', 'web')],
    ['rule: deleted', `DELETE FROM rule WHERE policy = 'gateway'`],
    ['window: added', copyOf('access_window', `'id', gen_random_uuid()`)],
    ['window: deleted', `DELETE FROM access_window`],
    ['window: approved by its requester', `UPDATE access_window SET approved_by = requested_by`],
    ['window: its proof forgotten', `UPDATE access_window SET proof = NULL, proven_at = NULL`],
    ['waiver: added', copyOf('waiver', `'id', gen_random_uuid()`)],
    ['waiver: deleted', `DELETE FROM waiver`],
    ['waiver: prolonged', `UPDATE waiver SET expires_at = expires_at + interval '1 year'`],
    ['schedule: added', copyOf('schedule', `'id', 999, 'name', 'forged'`)],
    ['schedule: deleted', `DELETE FROM schedule`],
    ['webhook: added', copyOf('webhook', `'id', 'forged'`)],
    ['webhook: deleted', `DELETE FROM webhook`],
    ['webhook: disabled', `UPDATE webhook SET enabled = false WHERE id <> 'callbacks'`],
    ['webhook: callbacks disabled', `UPDATE webhook SET enabled = false WHERE id = 'callbacks'`],
    ['vantage: of an agent added', copyOf('vantage', `'id', 999, 'name', 'forged'`, `kind = 'agent'`)],
    ['vantage: of an agent deleted', `DELETE FROM vantage WHERE kind = 'agent'`],
    ['vantage: zones of a worker edited', `UPDATE vantage SET zones = '{server}' WHERE kind = 'worker'`],
    ['baseline: added', copyOf('baseline', `'name', 'forged'`)],
    ['baseline: deleted', `DELETE FROM baseline`, `DELETE FROM baseline_state`, `DELETE FROM baseline_approval`],
    ['baseline: a state removed', `DELETE FROM baseline_state WHERE ctid = (SELECT ctid FROM baseline_state LIMIT 1)`],
    ['baseline: an approval added', copyOf('baseline_approval', `'id', 999`)],
    ['target: added', copyOf('target', `'id', 999, 'name', 'forged'`)],
    ['target: deleted', `DELETE FROM target WHERE name = 'one'`],
    ['target: names swapped', ...swap('target', 'name', 'one', 'two')],
    ['key: added', copyOf('api_key', `'id', 'abcdefabcdef'`)],
    ['key: deleted', `DELETE FROM api_key WHERE name = 'other'`],
    ['key: revocation undone', `UPDATE api_key SET revoked_at = NULL WHERE name = 'other'`],
    [
      'ledger_state: a newer state added',
      copyOf('ledger_state', `'seq', 999999, 'digest', repeat('a', 64)`, `kind = 'target'`),
    ],
    [
      'ledger_state: a state added to an audit entry',
      `INSERT INTO ledger_state SELECT 'policy', 'forged@1', max(seq), repeat('a', 64) FROM ledger_entry WHERE action = 'audit.finish'`,
    ],
    ['ledger_state: deleted', `DELETE FROM ledger_state WHERE kind = 'key'`],
  ]
  test.each(forgeries)('finds what was forged, or SECURITY.md lists it: %s', async (name, ...statements) => {
    expect([name, (await isFound(...statements)) ? 'found' : 'listed']).toEqual([
      name,
      limits.has(name) ? 'listed' : 'found',
    ])
  })

  test('SECURITY.md lists no edit that is not tried here', () => {
    const tried = new Set([
      ...columns.map(({ table, column }) => `${table}.${column}`),
      ...forgeries.map(([name]) => name),
    ])
    expect([...limits].filter((edit) => !tried.has(edit))).toEqual([])
    expect(tried.size).toBeGreaterThan(60)
  })
})
