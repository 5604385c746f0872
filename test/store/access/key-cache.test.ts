import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createKnownKeys } from '../../../src/store/access/key-cache.ts'
import { createKeyStore } from '../../../src/store/access/keys.ts'
import { listenForNotifications } from '../../../src/store/db/listen.ts'
import type { ApiKey } from '../../../src/store/generated/client.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'

const now = new Date('2026-11-23T12:00:00Z')
const later = (ms: number) => new Date(now.getTime() + ms)

/** A cache of keys that may be used, before a database that counts its queries. */
function openKnown() {
  const known = createKnownKeys()
  known.trust()
  let readings = 0
  const read = async (id: string): Promise<ApiKey> => {
    readings += 1
    return { id } as ApiKey
  }
  return { ...known, find: (id: string, at = now) => known.find(id, at, () => read(id)), readings: () => readings }
}

describe('a key in memory', () => {
  test('is read once for any number of concurrent requests, and again after ten seconds or when the clock was put back', async () => {
    const known = openKnown()
    await Promise.all([known.find('a'), known.find('a'), known.find('b')])
    await known.find('a', later(9_999))
    expect(known.readings()).toBe(2)
    await known.find('a', later(10_000))
    expect(known.readings()).toBe(3)
    await known.find('a', later(9_999))
    expect(known.readings()).toBe(4)
  })

  test('is read each time while no changes are notified', async () => {
    const known = openKnown()
    await known.find('a')
    known.distrust()
    for (let i = 0; i < 3; i++) await known.find('a')
    expect(known.readings()).toBe(4)
    known.trust()
    for (let i = 0; i < 3; i++) await known.find('a')
    expect(known.readings()).toBe(5)
  })

  test('is read again when it changed, and a read from before the change is not reused', async () => {
    const known = createKnownKeys()
    known.trust()
    const before = Promise.withResolvers<ApiKey | null>()
    const early = known.find('a', now, () => before.promise)
    known.changed('a')
    const after = known.find('a', now, async () => null)
    before.resolve({ id: 'a' } as ApiKey)
    expect([await early, await after]).toEqual([{ id: 'a' }, null])
    expect(await known.find('a', now, async () => null)).toBeNull()
  })

  test('makes way for others when there are 10,000, and not for ids that are none', async () => {
    const known = createKnownKeys()
    known.trust()
    let readings = 0
    const find = (id: string, row: ApiKey | null) =>
      known.find(id, now, async () => {
        readings += 1
        return row
      })
    await find('first', {} as ApiKey)
    for (let i = 0; i < 10_000; i++) await find(`guess-${i}`, null)
    readings = 0
    await find('first', {} as ApiKey)
    expect(readings).toBe(0)
    for (let i = 0; i < 10_000; i++) await find(`key-${i}`, {} as ApiKey)
    await find('first', {} as ApiKey)
    expect(readings).toBe(10_001)
  })

  test('whose reading failed is read again by who asks next', async () => {
    const known = createKnownKeys()
    known.trust()
    await expect(known.find('a', now, () => Promise.reject(new Error('away')))).rejects.toThrow('away')
    expect(await known.find('a', now, async () => null)).toBeNull()
  })
})

describe('beside the database', () => {
  let stores: TestStores
  beforeAll(async () => {
    stores = await openTestStores()
  })
  afterAll(() => stores.close())

  /** The keys of another process; `notified` resolves with the next notification of its cache. */
  async function openProcess() {
    const known = createKnownKeys()
    let waiting = Promise.withResolvers<string>()
    const publish = (what: string) => {
      waiting.resolve(what)
      waiting = Promise.withResolvers()
    }
    const spied: typeof known = {
      ...known,
      trust() {
        known.trust()
        publish('trust')
      },
      distrust() {
        known.distrust()
        publish('distrust')
      },
      changed(id) {
        known.changed(id)
        publish(id)
      },
    }
    const notifications = await listenForNotifications(stores.url, spied)
    onTestFinished(notifications.close)
    const keys = createKeyStore(stores.db, known)
    return {
      opens: async (key: string) => (await keys.authenticate(key, new Date())) !== undefined,
      notified: () => waiting.promise,
    }
  }

  const idOf = (key: string) => key.split('_')[1] ?? ''
  test('a key is cached: a change without a notification is not seen', async () => {
    const other = await openProcess()
    const key = await stores.keys.create('kept', [])
    expect(await other.opens(key)).toBe(true)
    await stores.query(`
      BEGIN;
      ALTER TABLE api_key DISABLE TRIGGER api_key_changed;
      DELETE FROM api_key WHERE id = '${idOf(key)}';
      ALTER TABLE api_key ENABLE ALWAYS TRIGGER api_key_changed;
      COMMIT`)
    expect(await other.opens(key)).toBe(true)
  })

  test.each([
    ['is revoked', (id: string) => stores.keys.revoke(id)],
    ['expires by hand', (id: string) => stores.query(`UPDATE api_key SET expires_at = now() WHERE id = '${id}'`)],
    [
      'gets another secret',
      (id: string) => stores.query(`UPDATE api_key SET secret_sha256 = sha256('x') WHERE id = '${id}'`),
    ],
    ['is deleted', (id: string) => stores.query(`DELETE FROM api_key WHERE id = '${id}'`)],
    [
      'is deleted by a replica',
      (id: string) => stores.query(`SET session_replication_role = replica; DELETE FROM api_key WHERE id = '${id}'`),
    ],
  ])('a key that %s opens nothing in another process as soon as that has heard of it', async (_, change) => {
    const other = await openProcess()
    const key = await stores.keys.create('leaver', [])
    expect(await other.opens(key)).toBe(true)
    const notified = other.notified()
    await change(idOf(key))
    expect(await notified).toBe(idOf(key))
    expect(await other.opens(key)).toBe(false)
  })

  test('its last use is no change', async () => {
    const other = await openProcess()
    const key = await stores.keys.create('busy', [])
    const notified = other.notified()
    expect(await other.opens(key)).toBe(true)
    expect((await stores.keys.find(idOf(key)))?.lastUsedAt).not.toBeNull()
    await stores.keys.revoke(idOf(await stores.keys.create('marker', [])))
    expect(await notified).not.toBe(idOf(key))
  })

  test('when all keys are removed together, each is rejected', async () => {
    const other = await openProcess()
    const key = await stores.keys.create('one of all', [])
    expect(await other.opens(key)).toBe(true)
    const notified = other.notified()
    await stores.query('TRUNCATE api_key')
    expect(await notified).toBe('')
    expect(await other.opens(key)).toBe(false)
  })

  test('a process that hears nothing any more asks the database, and forgets what it knew', async () => {
    const other = await openProcess()
    const key = await stores.keys.create('leaver', [])
    expect(await other.opens(key)).toBe(true)
    const lost = other.notified()
    await stores.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'portwarden notifications'`,
    )
    expect(await lost).toBe('distrust')
    const back = other.notified()
    await stores.keys.revoke(idOf(key))
    expect(await other.opens(key)).toBe(false)
    expect(await back).toBe('trust')
    expect(await other.opens(key)).toBe(false)
  })
})
