import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

test('an actor has the name of the key, also of a revoked one, or of the newest sign-in of the person', async () => {
  const [, id = ''] = (await stores.keys.create('night audit', [])).split('_')
  await stores.keys.revoke(id)
  for (const name of ['Ann Smith', 'Ann Jones'])
    await stores.transaction(async (tx) => {
      const payload = { name, scopes: [], signedInAt: null }
      tx.ledger.record({ actor: 'oidc:ann', action: 'session.start', subject: name, payload })
      tx.ledger.record({ actor: 'oidc:bob', action: 'session.end', subject: name, payload })
    })
  const names = await stores.actors.names([id, 'oidc:ann', 'oidc:bob', 'cli', 'system', id])
  expect(Object.fromEntries(names)).toEqual({ [id]: 'night audit', 'oidc:ann': 'Ann Jones' })
})
