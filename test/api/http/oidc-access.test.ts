import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startIssuer, type TestIssuer } from '../../support/issuer.ts'
import { type Call, startService, type TestService } from '../../support/service.ts'

let issuer: TestIssuer
let service: TestService
beforeAll(async () => {
  issuer = await startIssuer()
  const env = {
    PORTWARDEN_OIDC_ISSUER: issuer.url,
    PORTWARDEN_OIDC_AUDIENCE: 'portwarden',
    PORTWARDEN_OIDC_SCOPE_CLAIM: '/realm_access/roles',
    PORTWARDEN_OIDC_SCOPES: 'auditors=audits:run+targets:write+waivers:approve,readers=reports:read',
  }
  service = await startService({ working: false, env })
  await service.stores.targets.save([{ name: 'there', address: '127.0.0.1' }])
})
afterAll(async () => {
  await service?.stop()
  await issuer?.close()
})

const tokenOf = (sub: string, ...roles: string[]) => issuer.sign({ sub, realm_access: { roles } })
const call = async (key: string, method: 'GET' | 'POST', url: string, more: Call = {}) =>
  service.call(method, url, { key, ...more })
const waiver = () => ({
  body: {
    policy: 'ports',
    rules: ['must-be-unreachable'],
    targets: ['there'],
    reason: 'r',
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  },
})

describe('a token of the issuer', () => {
  test('opens what its roles stand for, and nothing else', async () => {
    const reader = await tokenOf('rita', 'readers')
    expect((await call(reader, 'GET', '/v1/targets')).status).toBe(200)
    expect((await call(reader, 'GET', '/v1/keys')).status).toBe(403)
    expect((await call(await tokenOf('rita', 'admin'), 'GET', '/v1/targets')).status).toBe(403)
  })

  test('names its bearer where a key would be named', async () => {
    const body = { policy: 'ports', targets: ['there'], params: { openPort: 1, closedPort: 2 } }
    const accepted = await call(await tokenOf('ann', 'auditors'), 'POST', '/v1/audits', { body })
    expect(accepted.status).toBe(202)
    const rows = await service.query(`SELECT requested_by FROM audit WHERE id = '${accepted.body.id}'`)
    expect(rows).toEqual([{ requested_by: 'oidc:ann' }])
  })

  test('of the requester approves nothing; one of another person does, and so does a key', async () => {
    const ann = await tokenOf('ann', 'auditors')
    for (const other of [await tokenOf('bob', 'auditors'), service.key]) {
      const made = await call(ann, 'POST', '/v1/waivers', waiver())
      expect([made.status, made.body.requestedBy, made.body.requestedByName]).toEqual([201, 'oidc:ann', null])
      const url = `/v1/waivers/${made.body.id}/approve`
      expect((await call(ann, 'POST', url)).status).toBe(403)
      expect((await call(await tokenOf('ann', 'auditors', 'readers'), 'POST', url)).status).toBe(403)
      const approved = await call(other, 'POST', url)
      const named =
        approved.body.approvedBy === 'oidc:bob'
          ? null
          : (await service.stores.keys.find(approved.body.approvedBy))?.name
      expect([approved.status, approved.body.approvedByName]).toEqual([200, named])
    }
    const byKey = await call(service.key, 'POST', '/v1/waivers', waiver())
    expect((await call(service.key, 'POST', `/v1/waivers/${byKey.body.id}/approve`)).status).toBe(403)
    expect((await call(ann, 'POST', `/v1/waivers/${byKey.body.id}/approve`)).status).toBe(200)
  })

  test('that is invalid is 401; when the issuer is down it is 503 with a Retry-After', async () => {
    const expired = await issuer.sign({ exp: Math.floor(Date.now() / 1000) - 60 })
    const { status, headers } = await call(expired, 'GET', '/v1/targets')
    expect([status, headers['www-authenticate']]).toEqual([401, expect.stringMatching(/^Bearer /)])

    const cut = await startService({
      working: false,
      env: { PORTWARDEN_OIDC_ISSUER: 'http://127.0.0.1:9', PORTWARDEN_OIDC_AUDIENCE: 'portwarden' },
    })
    try {
      const token = await issuer.sign({ iss: 'http://127.0.0.1:9', scope: 'admin' })
      const response = await cut.call('GET', '/v1/targets', { key: token })
      expect([response.status, response.headers['retry-after'], response.body.status]).toEqual([
        503,
        expect.stringMatching(/^[1-9]/),
        503,
      ])
      expect((await cut.call('GET', '/v1/targets')).status).toBe(200) // keys need no issuer
    } finally {
      await cut.stop()
    }
  })
})

test('a service without an issuer takes no token', async () => {
  const closed = await startService({ working: false })
  try {
    const reads = issuer.reads
    expect((await closed.call('GET', '/v1/targets', { key: await tokenOf('ann', 'auditors') })).status).toBe(401)
    expect(issuer.reads).toBe(reads)
  } finally {
    await closed.stop()
  }
})
