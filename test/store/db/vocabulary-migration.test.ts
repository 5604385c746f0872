import { afterEach, expect, test } from 'vitest'
import { migrate } from '../../../src/store/db/migrate.ts'
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts'
import { query } from '../../support/database-server.ts'
import { readMigrations, withSchemaEngine } from '../../support/schema-engine.ts'

const migration = '20261129190000_vocabulary'
const audit = '019b7600-0000-7000-8000-000000000001'
const laterAudit = '019b7600-0000-7000-8000-000000000002'

let database: TestDatabase
afterEach(() => database.drop())

/** A database as the version before the migration left it. */
async function openOldDatabase(): Promise<string> {
  database = await createEmptyDatabase()
  await withSchemaEngine(database.url, (engine) =>
    engine.deploy(readMigrations().filter(({ name }) => name < migration)),
  )
  return database.url
}

const oldSeen = (...reasons: string[]) => ({
  probe: 'tcp',
  host: 'h',
  port: 1,
  observedAt: '2026-01-01T00:00:00.000Z',
  sightings: reasons.map((reason, i) => ({ address: `192.0.2.${i}`, state: 'filtered', reason, facts: {} })),
})

test('stored values get their new words, and records that the ledger signs keep theirs', async () => {
  const url = await openOldDatabase()
  const kept = JSON.stringify([
    { targetId: 1, rule: 'r', side: 'one', seen: oldSeen('no-answer', 'tcp-connected') },
    { targetId: 2, rule: 'r', side: 'other', seen: oldSeen('ldap-answered') },
  ])
  const evidence = JSON.stringify({ addresses: { '192.0.2.0': { reason: 'no-answer' } } })
  await query(url, [
    `INSERT INTO vantage (name, zones, absent_told_at) VALUES ('v', '{}', '2026-01-01')`,
    `INSERT INTO policy (name, version, digest, document) VALUES ('p', 1, 'd', '{}')`,
    `INSERT INTO audit (id, status, trigger, policy_id, target_ids, vantages, rules, params, requested_by)
     VALUES ('${audit}', 'running', 'api', 1, '{}', '{}', '{}', '{}', 'k')`,
    `INSERT INTO webhook (id, url, events, filter, format, enabled, secret, requested_by)
     VALUES ('w', 'https://localhost/', '{}', '{}', 'standard', true, '', 'k')`,
    `INSERT INTO batch (audit_id, vantage_id, checks, kept) VALUES ('${audit}', 1, '[]', '${kept}'), ('${audit}', 1, '[]', NULL)`,
    `INSERT INTO access_window (id, policy, rules, target_names, params, from_at, to_at, ticket, reason, requested_by, proof, realm)
     SELECT id::uuid, 'p', '{}', '{}', '{}', now(), now(), 't', 'r', 'k', proof, '{"team":"a"}'
     FROM (VALUES ('${audit}', 'shut'), ('${laterAudit}', 'nothing-to-see')) AS w(id, proof)`,
    `INSERT INTO webhook_ticket (webhook_id, fingerprint, opened_at, finding)
     VALUES ('w', '${audit}', now(), '{"reason":{"code":"http-not-answered","message":"m"}}')`,
    `INSERT INTO reason (code) VALUES ('no-answer')`,
    `INSERT INTO evidence (digest, content) VALUES ('\\x00', '${evidence}')`,
  ])

  await migrate(url)

  const [batch, empty] = await query<{ observations: unknown }>(url, [
    'SELECT paired_observations AS observations FROM batch ORDER BY id',
  ])
  const { sightings: _, ...observation } = oldSeen()
  const address = (i: number, reason: string) => ({ address: `192.0.2.${i}`, state: 'filtered', reason, facts: {} })
  expect(batch?.observations).toEqual([
    {
      targetId: 1,
      rule: 'r',
      side: 'one',
      observation: { ...observation, addressResults: [address(0, 'no-response'), address(1, 'tcp-connected')] },
    },
    {
      targetId: 2,
      rule: 'r',
      side: 'other',
      observation: { ...observation, addressResults: [address(0, 'ldap-responded')] },
    },
  ])
  expect(empty?.observations).toBeNull()
  expect(await query(url, ['SELECT proof, target_scope FROM access_window ORDER BY id'])).toEqual([
    { proof: 'closed', target_scope: { team: 'a' } },
    { proof: 'not-applicable', target_scope: { team: 'a' } },
  ])
  expect(await query(url, ['SELECT finding FROM webhook_ticket'])).toEqual([
    { finding: { reason: { code: 'http-no-response', message: 'm' } } },
  ])
  expect(await query(url, ['SELECT absent_notified_at IS NOT NULL AS kept FROM vantage'])).toEqual([{ kept: true }])
  expect(await query(url, ['SELECT code FROM reason'])).toEqual([{ code: 'no-answer' }])
  expect(await query(url, ['SELECT content::text FROM evidence'])).toEqual([
    { content: '{"addresses": {"192.0.2.0": {"reason": "no-answer"}}}' },
  ])
})
