import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

const parts = (key: string) => /^pw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/.exec(key)?.slice(1) ?? []

test('a new key authenticates, with its scopes', async () => {
  const key = await stores.keys.create('night audit', ['audits', 'targets'])
  const [id] = parts(key)
  expect(await stores.keys.authenticate(key, new Date())).toEqual({
    keyId: id,
    scopes: ['audits', 'targets'],
    targetScope: {},
  })
  expect(await stores.keys.exists('night audit')).toBe(true)
  expect(await stores.keys.exists('unknown')).toBe(false)
})

test('no two keys are alike', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => stores.keys.create('many', [])))
  expect(new Set(keys.map((key) => parts(key)[0])).size).toBe(20)
  expect(new Set(keys.map((key) => parts(key)[1])).size).toBe(20)
})

test('only the SHA-256 of the secret is stored', async () => {
  const key = await stores.keys.create('hidden', [])
  const [id, secret = ''] = parts(key)
  const rows = await stores.query<{ row: string; sum: Buffer }>(
    `SELECT api_key::text AS row, secret_sha256 AS sum FROM api_key WHERE id = '${id}'`,
  )
  expect(rows[0]?.row).not.toContain(secret)
  expect(rows[0]?.sum).toEqual(createHash('sha256').update(secret).digest())
})

test('nothing else opens it', async () => {
  const key = await stores.keys.create('guarded', ['admin'])
  const other = await stores.keys.create('other', ['admin'])
  const [id, secret = ''] = parts(key)
  const [otherId] = parts(other)
  const wrong = [
    '',
    'pw_',
    secret,
    `pw_${id}_`,
    `pw_${id}_${secret.slice(1)}`,
    `pw_${id}_${secret}x`,
    ` ${key}`,
    `${key}\n`,
    key.toUpperCase(),
    `pw_${otherId}_${secret}`,
    `pw_${'0'.repeat(12)}_${secret}`,
    `pw_${id}_${'A'.repeat(43)}`,
    `pw_${id}' OR '1'='1_${secret}`,
  ]
  for (const attempt of wrong) expect(await stores.keys.authenticate(attempt, new Date()), attempt).toBeUndefined()
})

test('a key authenticates until it expires, and not at that instant', async () => {
  const expiresAt = new Date('2026-11-23T12:00:00Z')
  const key = await stores.keys.create('short', ['admin'], { expiresAt })
  expect(await stores.keys.authenticate(key, new Date(expiresAt.getTime() - 1))).toBeDefined()
  expect(await stores.keys.authenticate(key, expiresAt)).toBeUndefined()
})

test('the last use is written once a minute, for any number of concurrent requests', async () => {
  const key = await stores.keys.create('busy', [])
  const [id = ''] = parts(key)
  const version = async () => {
    const rows = await stores.query<{ version: string }>(`SELECT xmin::text AS version FROM api_key WHERE id = '${id}'`)
    return rows[0]?.version
  }
  const use = (at: string, times: number) =>
    Promise.all(Array.from({ length: times }, () => stores.keys.authenticate(key, new Date(at))))
  const versions = [await version()]
  for (const [at, times] of [
    ['2026-11-23T12:00:00.000Z', 1],
    ['2026-11-23T12:00:59.000Z', 5],
    ['2026-11-23T12:01:00.001Z', 20],
    ['2026-11-23T12:01:30.000Z', 5],
  ] as const) {
    await use(at, times)
    versions.push(await version())
  }
  expect((await stores.keys.find(id))?.lastUsedAt).toBe('2026-11-23T12:01:00.001Z')
  expect(new Set(versions).size).toBe(3) // made, and written twice
})
