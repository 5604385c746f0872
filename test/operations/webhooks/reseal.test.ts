import { afterAll, beforeAll, expect, test } from 'vitest'
import { resealSecrets } from '../../../src/operations/webhooks/reseal.ts'
import { createSeal } from '../../../src/operations/webhooks/seal.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

const configured = new Uint8Array(32).fill(7) // of the test service
const newest = new Uint8Array(32).fill(9)

test('secrets that an older key has sealed are sealed with the newest, once, each with an entry of the ledger', async () => {
  const body = { url: 'http://127.0.0.1:1/', events: ['audit.completed'], authorization: 'Bearer token-of-desk' }
  const { id } = (await service.call('POST', '/v1/webhooks', { body })).body
  const ids = [id, 'callbacks'].toSorted()
  const rotated = createSeal(() => [newest, configured])
  for (const _start of [1, 2]) await resealSecrets({ ...service, seal: rotated })
  const alone = createSeal(() => [newest])
  for (const one of ids) {
    const sealed = await service.stores.webhooks.secrets(one)
    expect(sealed && alone.open(sealed.secret, one)).toMatch(/^whsec_/)
  }
  const sealed = await service.stores.webhooks.secrets(id)
  expect(sealed?.authorization && alone.open(sealed.authorization, id)).toBe('Bearer token-of-desk')
  const { body: ledger } = await service.call('GET', '/v1/ledger?action=webhook.reseal')
  expect(ledger.items.map(({ subject }: { subject: string }) => subject).toSorted()).toEqual(ids)
  expect((await service.stores.ledger.verify({ from: 1, limit: 1_000, findings: 1_000 }))?.verdict).toBe('intact')
})

test('a secret that no key opens stays as it is', async () => {
  const before = await service.stores.webhooks.secrets('callbacks')
  await resealSecrets({ ...service, seal: createSeal(() => [new Uint8Array(32).fill(1)]) })
  expect(await service.stores.webhooks.secrets('callbacks')).toEqual(before)
})
