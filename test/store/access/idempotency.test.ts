import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

let made = 0
const newClaim = () => {
  made += 1
  return { apiKeyId: 'k', key: `key-${made}`, bodyDigest: 'd', resource: 'first' }
}

test('the first claim of a key gets it; later ones hear what it stands for', async () => {
  const claim = newClaim()
  expect(await stores.idempotency.claim(claim)).toBeUndefined()
  const later = { ...claim, bodyDigest: 'other', resource: 'second' }
  expect(await stores.idempotency.claim(later)).toMatchObject({ bodyDigest: 'd', resource: 'first' })
})

test('the same key of another caller is another key', async () => {
  const claim = newClaim()
  await stores.idempotency.claim(claim)
  expect(await stores.idempotency.claim({ ...claim, apiKeyId: 'other-key' })).toBeUndefined()
})

test('one of many concurrent claims succeeds, and the others return that one', async () => {
  const claim = newClaim()
  const responses = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const resource = `made-by-${i}`
      const earlier = await stores.transaction((tx) => tx.idempotency.claim({ ...claim, resource }))
      return earlier?.resource ?? resource
    }),
  )
  expect(new Set(responses).size).toBe(1)
})

test('a claim waits for the transaction of the one before it, and gets the key when that is rolled back', async () => {
  const claim = newClaim()
  const { promise: claimed, resolve: onClaimed } = Promise.withResolvers<void>()
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const first = stores.transaction(async (tx) => {
    await tx.idempotency.claim(claim)
    onClaimed()
    await mayEnd
    throw new Error('it could not be done')
  })
  await claimed
  const second = stores.idempotency.claim({ ...claim, resource: 'second' })
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
  await expect.poll(() => stores.query(waiting)).toHaveLength(1)
  end()
  await expect(first).rejects.toThrow('it could not be done')
  expect(await second).toBeUndefined()
})
