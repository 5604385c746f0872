import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Change, type LedgerKeys, parseHead, parseLedgerKeys, sealEntry } from '../../../src/domain/ledger.ts'
import { createTransact } from '../../../src/store/db/stores.ts'
import { verifyLedger } from '../../../src/store/ledger/verify.ts'
import { query } from '../../support/database-server.ts'
import { ledgerKeys } from '../../support/ledger.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
const opened: TestStores[] = []
beforeEach(async () => {
  stores = await openTestStores()
  opened.push(stores)
})
afterAll(() => Promise.all(opened.map((one) => one.close())))

const change = (subject: string): Change => ({ actor: 'test', action: 'policy.put', subject, payload: { version: 1 } })
const append = (...subjects: string[]) =>
  stores.transaction(async ({ ledger }) => {
    for (const subject of subjects) ledger.record(change(subject))
  })
const verify = (more: Partial<Parameters<typeof stores.ledger.verify>[0]> = {}) =>
  stores.ledger.verify({ from: 1, limit: 10_000, ...more })
const subjects = async () =>
  (await stores.ledger.list({ limit: 1000 })).items.map(({ subject }) => subject).toReversed()

/** As the owner of the database: triggers off, statements, triggers on. */
const tamper = (...statements: string[]) =>
  query(stores.url, [
    'ALTER TABLE ledger_entry DISABLE TRIGGER ALL',
    ...statements,
    'ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER ledger_entry_append_only',
  ])

describe('appending', () => {
  test('makes a chain without gaps, in the order of the changes', async () => {
    await append('a', 'b')
    await append('c')
    const { items } = await stores.ledger.list({ limit: 10 })
    expect(items.map(({ seq, subject }) => [seq, subject])).toEqual([
      [3, 'c'],
      [2, 'b'],
      [1, 'a'],
    ])
    expect(items.map(({ prev }) => prev)).toEqual([items[1]?.hash, items[2]?.hash, '0'.repeat(64)])
    expect(await verify()).toMatchObject({ verdict: 'intact', entries: 3, broken: null, next: null })
  })

  test('is part of the transaction: a rollback leaves no entry', async () => {
    await append('a')
    const failing = stores.transaction(async ({ ledger }) => {
      ledger.record(change('lost'))
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await append('b')
    expect(await subjects()).toEqual(['a', 'b'])
  })

  test('outside a transaction is refused', () => {
    expect(() => stores.ledger.record(change('a'))).toThrow(/transaction of its change/)
  })

  test('by many concurrent callers makes one chain', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => append(`${i}`, `${i}`)))
    expect(await verify()).toMatchObject({ verdict: 'intact', entries: 80 })
    const appended = await subjects()
    for (let i = 0; i < 80; i += 2) expect(appended[i]).toBe(appended[i + 1]) // those of one transaction stay together
  })

  test('begins the ledger once', async () => {
    await Promise.all([1, 2, 3, 4].map(() => stores.transaction(({ ledger }) => ledger.begin('system'))))
    await stores.transaction(({ ledger }) => ledger.begin('system'))
    expect((await stores.ledger.list({ limit: 10 })).items.map(({ action }) => action)).toEqual(['ledger.begin'])
  })
})

describe('the database', () => {
  test.each([
    ['UPDATE', "UPDATE ledger_entry SET actor = 'x'"],
    ['DELETE', 'DELETE FROM ledger_entry'],
    ['TRUNCATE', 'TRUNCATE ledger_entry'],
  ])('refuses to %s, also for a replica', async (verb, statement) => {
    await append('a')
    const refusal = `the ledger is append-only: ${verb} is refused`
    await expect(stores.query(statement)).rejects.toThrow(refusal)
    await expect(query(stores.url, ["SET session_replication_role = 'replica'", statement])).rejects.toThrow(refusal)
    expect(await subjects()).toEqual(['a'])
  })

  test('never has the key', async () => {
    await append('a')
    const rows = await stores.query<{ row: string }>('SELECT e::text AS row FROM ledger_entry e')
    expect(rows).toHaveLength(1)
    expect(rows[0]?.row).toContain(ledgerKeys[0].id)
    expect(rows[0]?.row).not.toContain(ledgerKeys[0].secret)
  })
})

describe('verifying finds', () => {
  beforeEach(() => append('1', '2', '3', '4', '5', '6'))

  test('nothing in an untouched ledger', async () => {
    expect(await verify()).toMatchObject({ verdict: 'intact', entries: 6 })
  })

  test.each([
    ['the actor', "actor = 'someone else'"],
    ['the time', "at = at - interval '1 millisecond'"],
    ['the time, to what is none', "at = 'infinity'"],
    ['the action', "action = 'key.revoke'"],
    ['the subject', "subject = 'x'"],
    ['the payload', `payload = '{"version": 2}'`],
    ['the payload, to what no program reads', `payload = '{"version": 1e999}'`],
    ['the hash', "hash = repeat('0', 64)"],
    ['the key', "key_id = '0123456789abcdef'"],
  ])('an entry of which %s was changed', async (_, set) => {
    await tamper(`UPDATE ledger_entry SET ${set} WHERE seq = 3`)
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { seq: 3, kind: 'changed' }, entries: 2 })
  })

  test('a signature that was changed', async () => {
    await tamper("UPDATE ledger_entry SET mac = repeat('0', 64) WHERE seq = 3")
    expect(await verify()).toMatchObject({ broken: { seq: 3, kind: 'forged' } })
  })

  test('a chain that was made anew from an entry on, without the key', async () => {
    const mine = parseLedgerKeys('the-key-of-an-attacker-who-has-none') as LedgerKeys
    const rows = await stores.query<{ actor: string }>('SELECT * FROM ledger_entry ORDER BY seq')
    await tamper('DELETE FROM ledger_entry WHERE seq >= 3')
    const forge = createTransact({ transaction: (work) => stores.db.$transaction(work) }, stores.codes, { keys: mine })
    await forge(async ({ ledger }) => {
      for (const _ of rows.slice(2)) ledger.record(change('forged'))
    })
    await tamper(`UPDATE ledger_entry SET mac = repeat('0', 64) WHERE seq >= 3`)
    expect(await verify()).toMatchObject({
      verdict: 'unverified',
      entries: 6,
      unverified: [{ keyId: mine[0].id, firstSeq: 3, entries: 4 }],
    })
  })

  test('an entry that was deleted', async () => {
    await tamper('DELETE FROM ledger_entry WHERE seq = 3')
    expect(await verify()).toMatchObject({ broken: { seq: 3, kind: 'missing' } })
  })

  test('the first entry deleted', async () => {
    await tamper('DELETE FROM ledger_entry WHERE seq = 1')
    expect(await verify()).toMatchObject({ broken: { seq: 1, kind: 'missing' } })
  })

  test('an entry that was deleted, and the others renumbered', async () => {
    await tamper(
      'DELETE FROM ledger_entry WHERE seq = 3',
      'UPDATE ledger_entry SET seq = -seq WHERE seq > 3',
      'UPDATE ledger_entry SET seq = -seq - 1 WHERE seq < 0',
    )
    expect(await verify()).toMatchObject({ broken: { seq: 3, kind: 'missing' } })
  })

  test('two swapped entries', async () => {
    await tamper(
      'UPDATE ledger_entry SET seq = 99 WHERE seq = 3',
      'UPDATE ledger_entry SET seq = 3 WHERE seq = 5',
      'UPDATE ledger_entry SET seq = 5 WHERE seq = 99',
    )
    expect(await verify()).toMatchObject({ broken: { seq: 3, kind: 'order' } })
  })

  test('an entry that was moved to the end', async () => {
    await tamper('UPDATE ledger_entry SET seq = 7 WHERE seq = 2')
    expect(await verify()).toMatchObject({ broken: { seq: 2, kind: 'order' } })
  })

  test('an entry that was written twice', async () => {
    await tamper(`INSERT INTO ledger_entry SELECT 7, at, actor, action, subject, payload, key_id, prev, hash, mac
      FROM ledger_entry WHERE seq = 6`)
    expect(await verify()).toMatchObject({ broken: { seq: 7, kind: 'order' } })
  })

  // Lists and exports of the ledger show it.
  test.each(['0', '-1', '-9223372036854775808', '9223372036854775807'])(
    'an entry that was put beside the chain, at %s',
    async (seq) => {
      await tamper(`INSERT INTO ledger_entry SELECT ${seq}, at, actor, action, subject, payload, key_id, prev, hash, mac
        FROM ledger_entry WHERE seq = 6`)
      expect((await stores.ledger.list({ limit: 10 })).items).toHaveLength(7)
      expect(await verify()).toMatchObject({
        verdict: 'broken',
        broken: { seq: Number(seq) > 0 ? 7 : 1, kind: 'order' },
      })
    },
  )

  test.each(['0001-01-01 BC', '294276-12-31', '-infinity'])('an entry whose time is now %s', async (at) => {
    await tamper(`UPDATE ledger_entry SET at = '${at}' WHERE seq = 3`)
    expect(await verify()).toMatchObject({ broken: { seq: 3, kind: 'changed' } })
    expect((await stores.ledger.list({ limit: 10 })).items).toHaveLength(6)
  })

  test('a key id that no key has, which the output would show', async () => {
    const mine = { id: '\u001b[2Jverdict:  intact', secret: 'x'.repeat(32) }
    const { hash: prev } = (await stores.ledger.list({ limit: 1 })).items[0] ?? { hash: '' }
    const { at, actor, action, subject, hash, mac } = sealEntry(
      change('7'),
      { seq: 7, prev, at: '2026-01-01T00:00:00.000Z' },
      mine,
    )
    await query(stores.url, [
      `INSERT INTO ledger_entry VALUES (7, '${at}', '${actor}', '${action}', '${subject}', '{"version": 1}', '${mine.id}', '${prev}', '${hash}', '${mac}')`,
    ])
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { seq: 7, kind: 'forged' }, unverified: [] })
  })

  test('all of it truncated', async () => {
    await tamper('TRUNCATE ledger_entry')
    expect(await verify()).toMatchObject({ verdict: 'broken', broken: { seq: 1, kind: 'missing' } })
  })

  test('a tail that was cut, with a head from before', async () => {
    const head = await exported()
    await append('7')
    expect(await verify({ head })).toMatchObject({ verdict: 'intact' })
    await tamper('DELETE FROM ledger_entry WHERE seq > 4')
    expect(await verify()).toMatchObject({ verdict: 'intact', entries: 4 }) // which is why heads are exported
    expect(await verify({ head })).toMatchObject({ verdict: 'broken', broken: { seq: 5, kind: 'cut' } })
  })

  test('a tail that was cut and has grown again, with a head from before', async () => {
    const head = await exported()
    await tamper('DELETE FROM ledger_entry WHERE seq > 4')
    await append('another 5', 'another 6', 'another 7')
    expect(await verify()).toMatchObject({ verdict: 'intact', entries: 7 })
    expect(await verify({ head })).toMatchObject({ broken: { seq: 6, kind: 'cut' } })
  })

  test('entries whose key is not known: neither intact nor broken', async () => {
    const others = parseLedgerKeys('the-key-of-another-process-of-this-service') as LedgerKeys
    expect(await verifyLedger(stores.db, others, { from: 1, limit: 100 })).toMatchObject({
      verdict: 'unverified',
      entries: 6,
      unverified: [{ keyId: ledgerKeys[0].id, entries: 6, firstSeq: 1 }],
    })
    const both = [others[0], ledgerKeys[0]]
    expect(await verifyLedger(stores.db, both, { from: 1, limit: 100 })).toMatchObject({ verdict: 'intact' })
  })
})

describe('verifying a part', () => {
  beforeEach(() => append('1', '2', '3', '4', '5'))

  test('says where to go on, and checks the link to the part before', async () => {
    expect(await verify({ limit: 2 })).toMatchObject({ entries: 2, next: 3 })
    expect(await verify({ from: 3, limit: 2 })).toMatchObject({ entries: 2, next: 5 })
    expect(await verify({ from: 5, limit: 2 })).toMatchObject({ entries: 1, next: null })
    expect(await verify({ from: 6 })).toMatchObject({ entries: 0, next: null })
    expect(await verify({ from: 7 })).toBeUndefined()
    await tamper('UPDATE ledger_entry SET seq = 99 WHERE seq = 2', 'UPDATE ledger_entry SET seq = 2 WHERE seq = 1')
    expect(await verify({ from: 3 })).toMatchObject({ broken: { seq: 3, kind: 'order' } })
  })
})

async function exported() {
  const head = parseHead((await stores.ledger.head())?.head ?? '')
  if (!head) throw new Error('the ledger is empty')
  return head
}
