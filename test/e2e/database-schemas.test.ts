import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestAppOn, type TestApp } from '../support/app.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'

const role = `pwtest_${randomBytes(4).toString('hex')}`
let database: TestDatabase
let byRole: string

beforeAll(async () => {
  database = await createEmptyDatabase()
  const url = new URL(database.url)
  url.username = role
  byRole = url.href
  // PostgreSQL's recommended pattern: a schema named as the role, and nothing in `public`.
  await query(database.url, [
    `CREATE ROLE ${role} LOGIN`,
    `REVOKE ALL ON SCHEMA public FROM PUBLIC`,
    `CREATE SCHEMA ${role} AUTHORIZATION ${role}`,
  ])
})
afterAll(async () => {
  await database.drop()
  const maintenance = new URL(database.url)
  maintenance.pathname = '/postgres'
  await query(maintenance.href, [`DROP ROLE ${role}`])
})

const runAudit = async (app: TestApp) => {
  await app.work()
  const id = await app.accept({ params: { openPort: 1, closedPort: 1 } })
  return app.ended(id)
}

const tablesIn = async (...schemas: string[]) =>
  query<{ schema: string; count: number }>(database.url, [
    `SELECT schemaname AS schema, count(*)::int FROM pg_tables WHERE schemaname IN (${schemas.map((name) => `'${name}'`).join(', ')})
     GROUP BY 1 ORDER BY 1`,
  ])

test('a role without the privilege to create the schema of the queue is refused with the statement that creates it', async () => {
  await expect(startTestAppOn(byRole)).rejects.toThrow(
    `the role ${role} lacks privileges. Run as its owner or as a superuser: CREATE SCHEMA pgboss_${role} AUTHORIZATION ${role}`,
  )
})

test('the service works in the schema named as its role, and leaves public alone', async () => {
  await query(database.url, [`CREATE SCHEMA pgboss_${role} AUTHORIZATION ${role}`])
  const app = await startTestAppOn(byRole)
  try {
    expect(await runAudit(app)).toMatchObject({ status: 'completed' })
    expect(await app.stores.vantages.find('local')).toMatchObject({ queueDepth: { waiting: 0 } })
  } finally {
    await app.stop()
  }
  expect((await tablesIn('public', 'pgboss', role, `pgboss_${role}`)).map(({ schema }) => schema)).toEqual([
    `pgboss_${role}`,
    role,
  ])
})

test('installations in several schemas of one database share no row, no job and no table', async () => {
  const urls = [database.url, `${database.url}?schema=Team%20A`, `${database.url}?schema=team_b`]
  const apps: TestApp[] = []
  try {
    // At the same time: they share the lock of migrations.
    apps.push(...(await Promise.all(urls.map((url) => startTestAppOn(url)))))
    for (const [index, app] of apps.entries()) {
      await app.stores.targets.save([{ name: `only-${index}`, address: '127.0.0.1' }])
      if (index > 0) expect(await runAudit(app)).toMatchObject({ status: 'completed' })
    }
    // The first has no worker: a job of it that another took would not wait.
    await apps[0]?.accept({ params: { openPort: 1, closedPort: 1 } })
    const depths = await Promise.all(apps.map((app) => app.stores.vantages.find('local')))
    expect(depths.map((vantage) => vantage?.queueDepth.waiting)).toEqual([1, 0, 0])
    for (const [index, app] of apps.entries()) {
      const found = await app.stores.targets.findByNames(['only-0', 'only-1', 'only-2'])
      expect(found.map(({ name }) => name)).toEqual([`only-${index}`])
    }
  } finally {
    for (const app of apps) await app.stop()
  }
  const schemas = ['public', 'Team A', 'team_b', 'pgboss', 'pgboss_Team A', 'pgboss_team_b']
  const counts = new Map((await tablesIn(...schemas)).map(({ schema, count }) => [schema, count]))
  const [own, ownA, ownB, queue, queueA, queueB] = schemas.map((schema) => counts.get(schema))
  expect([ownA, ownB]).toEqual([own, own])
  expect([queueA, queueB]).toEqual([queue, queue])
})

test('an installation in public stays there when a schema named as its role appears later', async () => {
  await query(database.url, ['CREATE SCHEMA postgres'])
  const app = await startTestAppOn(database.url)
  try {
    expect((await app.stores.targets.findByNames(['only-0'])).map(({ name }) => name)).toEqual(['only-0'])
  } finally {
    await app.stop()
  }
})
