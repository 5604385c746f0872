import { expect, test } from 'vitest'
import { NotFoundError } from '../../../src/domain/errors.ts'
import { pingWebhook } from '../../../src/operations/webhooks/ping.ts'
import { openTestStores } from '../../support/stores.ts'

test('a ping of a webhook that is removed meanwhile finds none', async () => {
  const stores = await openTestStores()
  const input = {
    url: 'https://localhost/',
    description: null,
    filter: {},
    format: 'standard',
    enabled: true,
    openAfter: 1,
    groupBy: null,
  } as const
  const secrets = { secret: new Uint8Array(1), authorization: null, requestedBy: 'test' }
  await stores.webhooks.create('w', { ...input, events: ['audit.completed'] }, secrets)
  const transaction: typeof stores.transaction = async (work) => {
    await stores.webhooks.remove('w')
    return stores.transaction(work)
  }
  const pinged = pingWebhook({ stores, transaction, enqueueDelivery: async () => {} }, 'w')
  await expect(pinged).rejects.toThrow(NotFoundError)
  await stores.close()
})
