import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildServer } from '../../../src/api/server.ts'
import { auditChannel } from '../../../src/store/audits/finish-audits.ts'
import { startTestAppOn, type TestApp } from '../../support/app.ts'
import { startService, type TestService } from '../../support/service.ts'

let one: TestService
let otherApp: TestApp
let other: Awaited<ReturnType<typeof buildServer>>
beforeAll(async () => {
  // High limits: no request may be rejected for its rate.
  const env = { PORTWARDEN_REQUESTS_PER_MINUTE: '1000000', PORTWARDEN_REFUSALS_PER_MINUTE: '1000000' }
  one = await startService({ working: false, env })
  otherApp = await startTestAppOn(one.url)
  other = await buildServer(otherApp.serverParts)
})
afterAll(async () => {
  await other?.close()
  await otherApp?.stop()
  await one?.stop()
})

const statusThere = async (key: string) =>
  (await other.inject({ url: '/v1/targets', headers: { authorization: `Bearer ${key}` } })).statusCode
const statusHere = async (key: string) => (await one.call('GET', '/v1/targets', { key })).status

test('a revoked key is rejected immediately by its process, and by another after the notification', async () => {
  const { id, key } = (await one.call('POST', '/v1/keys', { body: { name: 'leaver', scopes: ['reports:read'] } })).body
  for (let i = 0; i < 3; i++) expect([await statusHere(key), await statusThere(key)]).toEqual([200, 200])

  // Earlier notifications have arrived as well.
  const heard = otherApp.notifications.waitForEnd(id, 1_000_000)
  expect((await one.call('DELETE', `/v1/keys/${id}`)).status).toBe(204)
  expect(await statusHere(key)).toBe(401)
  await one.query(`NOTIFY ${auditChannel}, '${id}'`)
  await heard
  expect(await statusThere(key)).toBe(401)
})

test('under continuous load, no request that starts after the response is accepted', async () => {
  for (let round = 0; round < 20; round++) {
    const { id, key } = (await one.call('POST', '/v1/keys', { body: { name: 'busy', scopes: ['reports:read'] } })).body
    let revoked = false
    const late: number[] = []
    const knock = async () => {
      for (let after = 0; after < 3; ) {
        const isLate = revoked
        const status = await statusHere(key)
        if (isLate) late.push(status)
        after += Number(isLate)
      }
    }
    const knocking = [knock(), knock(), knock()]
    expect(await statusHere(key)).toBe(200)
    expect((await one.call('DELETE', `/v1/keys/${id}`)).status).toBe(204)
    revoked = true
    await Promise.all(knocking)
    expect(late).toEqual(Array(9).fill(401))
  }
})

test('a revocation that is rolled back leaves the key as it was', async () => {
  const key = await one.stores.keys.create('stays', ['reports:read'])
  const [, id = ''] = key.split('_')
  await expect(
    one.transaction(async ({ keys }) => {
      await keys.revoke(id)
      throw new Error('rolled back')
    }),
  ).rejects.toThrow('rolled back')
  expect([await statusHere(key), await statusThere(key)]).toEqual([200, 200])
})
