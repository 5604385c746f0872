import { afterEach, beforeEach, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeEach(async () => {
  service = await startService({ working: false })
})
afterEach(() => service.stop())

const ready = async () => {
  const { status, body } = await service.call('GET', '/readyz', { key: null })
  return [status, body.detail ?? body.status]
}
const alive = async () => (await service.call('GET', '/livez', { key: null })).status

test('a migration that the database lacks, or that did not end, makes it not ready, by its name', async () => {
  expect(await ready()).toEqual([200, 'ok'])
  const [newest] = await service.query<{ name: string }>('SELECT max(migration_name) AS name FROM _prisma_migrations')
  await service.query(`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '${newest?.name}'`)
  expect(await ready()).toEqual([503, `the database lacks the migration ${newest?.name}`])
  await service.query(`DELETE FROM _prisma_migrations WHERE migration_name = '${newest?.name}'`)
  expect(await ready()).toEqual([503, `the database lacks the migration ${newest?.name}`])
  await service.query('DROP TABLE _prisma_migrations')
  expect(await ready()).toEqual([503, 'the migrations of the database cannot be read'])
  expect(await alive()).toBe(200)
})

test.each([
  ['that is not there', `DELETE FROM pgboss.queue WHERE name = 'audit-plan'`],
  ['whose jobs are not there', 'DROP TABLE pgboss.job CASCADE'],
  ['whose schema is not there', 'DROP SCHEMA pgboss CASCADE'],
])('a queue %s makes it not ready', async (_what, damage) => {
  expect(await ready()).toEqual([200, 'ok'])
  await service.query(`SET session_replication_role = replica`)
  await service.query(damage)
  expect(await ready()).toEqual([503, 'the queue fails'])
  expect(await alive()).toBe(200)
})
