import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildServer } from '../../../../src/api/server.ts'
import { startTestAppOn } from '../../../support/app.ts'
import { fromOwnPage, openBrowser } from '../../../support/browser.ts'
import { dumpRows } from '../../../support/dump-rows.ts'
import { startService, type TestService } from '../../../support/service.ts'

const minute = 60_000
const hour = 60 * minute

let service: TestService
/** By how much the clock of the moved server is ahead. */
let aheadMs = 0
let moved: Awaited<ReturnType<typeof buildServer>>
beforeAll(async () => {
  service = await startService({ working: false })
  const now = () => new Date(Date.now() + aheadMs)
  moved = await buildServer({ ...service.serverParts, now })
})
afterAll(async () => {
  await moved?.close()
  await service?.stop()
})

const newKey = (...scopes: string[]) => service.stores.keys.create('ann', scopes)
const idOf = (key: string) => key.split('_')[1] ?? ''
const signedIn = async (key: string, server = service.server) => {
  const browser = openBrowser(server)
  expect((await browser.signIn(key)).status).toBe(204)
  return browser
}

describe('a sign-in with a key', () => {
  test('opens a session that shows who it is, and until when', async () => {
    const key = await newKey('reports:read')
    const browser = await signedIn(key)
    const { status, body } = await browser.call('GET', '/v1/me')
    expect([status, body]).toEqual([
      200,
      {
        id: idOf(key),
        name: 'ann',
        kind: 'key',
        scopes: ['reports:read'],
        targets: null,
        expiresAt: null,
        session: expect.objectContaining({ signedInAt: expect.any(String) }),
        version: expect.any(String),
      },
    ])
    const { createdAt, idleEndsAt, endsAt } = body.session
    expect(Date.parse(idleEndsAt) - Date.parse(createdAt)).toBe(30 * minute)
    expect(Date.parse(endsAt) - Date.parse(createdAt)).toBe(8 * hour)
    expect(await browser.status('/v1/targets')).toBe(200)
    expect(await browser.status('/v1/keys')).toBe(403)
  })

  test('sets a cookie that scripts, other sites and plain HTTP do not get', async () => {
    const { setCookies, headers } = await openBrowser(service.server).signIn(service.key)
    expect(setCookies).toEqual([
      expect.stringMatching(/^__Host-portwarden=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Secure$/),
      // For browsers that accept no `Secure` over HTTP, also on loopback.
      expect.stringMatching(/^portwarden=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/),
    ])
    expect(headers['cache-control']).toBe('no-store')
    const listening = { ...service.serverParts.listening, behindProxy: true }
    const overTls = await buildServer({ ...service.serverParts, listening })
    onTestFinished(() => overTls.close())
    const secured = await openBrowser(overTls).signIn(service.key)
    expect(secured.setCookies).toEqual([expect.stringMatching(/^__Host-portwarden=.*; Secure$/)])
    const [, secret] = /=([\w-]{43});/.exec(secured.setCookies[0] ?? '') ?? []
    expect(await openBrowser(overTls).status('/v1/me', { headers: { cookie: `portwarden=${secret}` } })).toBe(401)
  })

  test('stores no secret, and records who signed in', async () => {
    const key = await newKey('reports:read')
    const browser = await signedIn(key)
    const secret = browser.cookies.get('__Host-portwarden') ?? ''
    const rows = await dumpRows(service.url)
    for (const text of [secret, Buffer.from(secret).toString('hex'), key]) expect(rows.includes(text)).toBe(false)
    const { session } = (await browser.call('GET', '/v1/me')).body
    const { items } = await service.stores.ledger.list({ limit: 1 })
    expect(items).toMatchObject([
      { actor: idOf(key), action: 'session.start', subject: session.id, payload: { name: 'ann' } },
    ])
  })

  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' }],
    ['a page of a sibling domain', { 'sec-fetch-site': 'same-site' }],
    ['no page', { 'sec-fetch-site': undefined }],
    ['a forged origin', { origin: 'https://evil.test' }],
    ['an opaque origin', { origin: 'null' }],
    ['a request without the header of the console', { 'x-portwarden': undefined }],
  ])('is refused for %s, and so is the sign-out', async (_, headers) => {
    const browser = openBrowser(service.server)
    const refused = await browser.call('POST', '/session', { body: { key: service.key }, headers })
    expect([refused.status, refused.setCookies]).toEqual([403, []])
    await browser.signIn(service.key)
    expect((await browser.call('DELETE', '/session', { headers })).status).toBe(403)
    expect(await browser.status()).toBe(200)
  })

  test('is refused for a form of another site, which can send no JSON', async () => {
    const body = `key=${service.key}`
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'])
      for (const headers of [{}, { 'sec-fetch-site': 'cross-site', 'x-portwarden': undefined }]) {
        const { status, setCookies } = await openBrowser(service.server).call('POST', '/session', {
          body,
          headers: { 'content-type': type, ...headers },
        })
        expect([[403, 415].includes(status), setCookies]).toEqual([true, []])
      }
  })

  test('is refused for a wrong, revoked or expired key, and for the key of an agent', async () => {
    const revoked = await newKey('reports:read')
    await service.stores.keys.revoke(idOf(revoked))
    const expired = await service.stores.keys.create('x', ['admin'], { expiresAt: new Date(Date.now() - 1) })
    for (const key of [revoked, expired, `${service.key.slice(0, -1)}_`, 'x', ''])
      expect((await openBrowser(service.server).signIn(key)).status).toBe(401)
    for (const scopes of [['vantage:branch'], ['reports:read', 'vantage:branch'], ['admin', 'vantage:branch']]) {
      const { status, setCookies } = await openBrowser(service.server).signIn(await newKey(...scopes))
      expect([status, setCookies]).toEqual([403, []])
    }
    expect((await openBrowser(service.server).call('POST', '/session', { body: {} })).status).toBe(400)
  })

  test('takes no session from the browser: a planted cookie opens nothing and is replaced', async () => {
    const browser = openBrowser(service.server)
    const planted = 'a'.repeat(43)
    browser.cookies.set('__Host-portwarden', planted)
    expect(await browser.status()).toBe(401)
    await browser.signIn(service.key)
    const first = browser.cookies.get('__Host-portwarden') ?? ''
    expect(first).not.toBe(planted)
    await browser.signIn(service.key)
    expect(browser.cookies.get('__Host-portwarden')).not.toBe(first)
    const before = openBrowser(service.server)
    before.cookies.set('__Host-portwarden', first)
    expect(await before.status()).toBe(401) // the earlier session ended
  })

  test('is limited for each address while it fails', async () => {
    const { serverParts } = service
    const limits = { ...serverParts.listening.limits, refusalsPerMinute: 3 }
    const strict = await buildServer({ ...serverParts, listening: { ...serverParts.listening, limits } })
    onTestFinished(() => strict.close())
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) statuses.push((await openBrowser(strict).signIn('x')).status)
    expect(statuses).toEqual([401, 401, 401, 429])
    expect((await openBrowser(strict).signIn(service.key)).status).toBe(204)
  })
})

describe('a sign-in with a link', () => {
  const signIn = (token: string) => openBrowser(moved).call('POST', '/session', { body: { token } })

  test('works once, for the key of the link, within ten minutes', async () => {
    onTestFinished(() => {
      aheadMs = 0
    })
    const { signInLinks } = service.serverParts
    const key = await newKey('reports:read')
    const [used, old] = [signInLinks.create(idOf(key), new Date()), signInLinks.create(idOf(key), new Date())]
    const browser = openBrowser(moved)
    expect((await browser.call('POST', '/session', { body: { token: used } })).status).toBe(204)
    expect((await browser.call('GET', '/v1/me')).body).toMatchObject({ id: idOf(key), scopes: ['reports:read'] })
    aheadMs = 11 * minute
    for (const token of [used, old, 'x', key]) expect((await signIn(token)).status).toBe(401)
  })

  test('is refused when its key was revoked', async () => {
    const key = await newKey('reports:read')
    const token = service.serverParts.signInLinks.create(idOf(key), new Date())
    await service.call('DELETE', `/v1/keys/${idOf(key)}`)
    expect((await signIn(token)).status).toBe(401)
  })
})

describe('the cookie of a session', () => {
  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page of a sibling domain', { 'sec-fetch-site': 'same-site' }],
    ['a typed address', { 'sec-fetch-site': 'none' }],
    ['a browser that does not say where a request comes from', { 'sec-fetch-site': undefined }],
    ['a forged origin', { origin: 'https://evil.test' }],
    ['a wrong key beside it', { authorization: 'Bearer pw_000000000000_x' }],
    ['another scheme beside it', { authorization: 'Basic eDp4' }],
  ])('counts for nothing from %s', async (_, headers) => {
    const browser = await signedIn(service.key)
    expect(await browser.status('/v1/me', { headers })).toBe(401)
    const target = { name: 'planted', address: '127.0.0.1' }
    expect((await browser.call('POST', '/v1/targets', { body: target, headers })).status).toBe(401)
    expect(await service.stores.targets.find('planted')).toBeUndefined()
  })

  test('changes something only with the header of the console', async () => {
    const browser = await signedIn(service.key)
    const request = { body: { name: 'made', address: '127.0.0.1' } }
    const without = await browser.call('POST', '/v1/targets', { ...request, headers: { 'x-portwarden': undefined } })
    expect([without.status, without.body.detail]).toEqual([403, 'send the header x-portwarden: console'])
    expect(await browser.status('/v1/targets', { headers: { 'x-portwarden': undefined } })).toBe(200)
    expect((await browser.call('POST', '/v1/targets', request)).status).toBe(201)
  })

  test('counts from the public URL, which a proxy may hide behind another Host', async () => {
    const { serverParts } = service
    const listening = { ...serverParts.listening, publicUrl: 'https://portwarden.example.org/tools' }
    const proxied = await buildServer({ ...serverParts, listening })
    onTestFinished(() => proxied.close())
    const browser = openBrowser(proxied)
    await browser.signIn(service.key)
    const statusFrom = (origin: string) => browser.status('/v1/me', { headers: { origin, host: 'backend:8080' } })
    expect(await statusFrom('https://portwarden.example.org')).toBe(200)
    expect(await statusFrom('http://backend:8080')).toBe(200)
    expect(await statusFrom('https://portwarden.example.org.evil.test')).toBe(401)
  })

  test('does not do the work of agents, and opens nothing outside /v1', async () => {
    const browser = await signedIn(service.key)
    const lease = '/v1/vantages/local/leases'
    expect((await browser.call('POST', lease, { body: {} })).status).toBe(401)
    expect((await service.call('POST', lease, { body: {} })).status).toBeLessThan(300)
    for (const url of ['/metrics', '/probe?target=127.0.0.1:9&module=tcp_connect'])
      expect(await browser.status(url)).toBe(401)
  })

  test('opens what its key opens: the targets of a team', async () => {
    const targetScope = { team: 'blue' }
    const key = await service.stores.keys.create('blue', ['reports:read'], { targetScope })
    await service.stores.targets.save([
      { name: 'blue-1', address: '127.0.0.1', labels: targetScope },
      { name: 'other-1', address: '127.0.0.1' },
    ])
    const browser = await signedIn(key)
    const { body } = await browser.call('GET', '/v1/targets')
    expect(body.items.map(({ name }: { name: string }) => name)).toEqual(['blue-1'])
    expect((await browser.call('GET', '/v1/me')).body.targets).toEqual({ labels: targetScope })
  })
})

describe('a session ends', () => {
  test('when its key is revoked, here and in other processes', async () => {
    const key = await newKey('reports:read')
    const browser = await signedIn(key)
    const other = await startTestAppOn(service.url)
    const elsewhere = await buildServer(other.serverParts)
    onTestFinished(async () => {
      await elsewhere.close()
      await other.stop()
    })
    const same = openBrowser(elsewhere)
    for (const [name, value] of browser.cookies) same.cookies.set(name, value)
    expect(await same.status()).toBe(200)
    expect((await service.call('DELETE', `/v1/keys/${idOf(key)}`)).status).toBe(204)
    expect([await browser.status(), await same.status()]).toEqual([401, 401])
    const { items } = (await service.call('GET', '/v1/sessions')).body
    expect(items.filter(({ caller }: { caller: string }) => caller === idOf(key))).toEqual([])
  })

  test('when its key expires', async () => {
    const expiresAt = new Date(Date.now() + hour)
    const key = await service.stores.keys.create('short', ['reports:read'], { expiresAt })
    const browser = await signedIn(key)
    const { session } = (await browser.call('GET', '/v1/me')).body
    expect(session.endsAt).toBe(expiresAt.toISOString())
  })

  test('after 30 minutes without use; requests that a page sends by itself are no use', async () => {
    onTestFinished(() => {
      aheadMs = 0
    })
    const browser = await signedIn(service.key, moved)
    aheadMs = 29 * minute
    expect(await browser.status('/v1/me', { headers: { 'x-portwarden': 'background' } })).toBe(200)
    aheadMs = 31 * minute
    expect(await browser.status()).toBe(401)

    const used = await signedIn(service.key, moved)
    aheadMs += 29 * minute
    expect(await used.status()).toBe(200)
    aheadMs += 29 * minute
    expect(await used.status()).toBe(200)
    aheadMs += 31 * minute
    expect(await used.status()).toBe(401)
  })

  test('after 8 hours, for all its use', async () => {
    onTestFinished(() => {
      aheadMs = 0
    })
    const browser = await signedIn(service.key, moved)
    for (aheadMs = 25 * minute; aheadMs < 8 * hour; aheadMs += 25 * minute) expect(await browser.status()).toBe(200)
    expect(await browser.status()).toBe(401)
  })

  test('when the person signs out, and no other session does', async () => {
    const [browser, other] = [await signedIn(service.key), await signedIn(service.key)]
    const copy = openBrowser(service.server)
    for (const [name, value] of browser.cookies) copy.cookies.set(name, value)
    const { session } = (await browser.call('GET', '/v1/me')).body
    expect((await browser.signOut()).status).toBe(204)
    expect([browser.cookies.size, await copy.status(), await other.status()]).toEqual([0, 401, 200])
    expect((await browser.signOut()).status).toBe(204)
    const { items } = await service.stores.ledger.list({ limit: 1 })
    expect(items).toMatchObject([{ action: 'session.end', subject: session.id }])
  })

  test('when an administrator ends it', async () => {
    const browser = await signedIn(await newKey('reports:read'))
    const admin = await signedIn(service.key)
    const { session } = (await browser.call('GET', '/v1/me')).body
    const { items } = (await admin.call('GET', '/v1/sessions?limit=100')).body
    const named = items.map(({ id, isCurrent }: { id: string; isCurrent: boolean }) => [id, isCurrent])
    const own = (await admin.call('GET', '/v1/me')).body.session.id
    const both = [
      [session.id, false],
      [own, true],
    ]
    expect(named).toEqual(expect.arrayContaining(both))
    expect((await browser.call('DELETE', `/v1/sessions/${own}`)).status).toBe(403)
    expect((await admin.call('DELETE', `/v1/sessions/${session.id}`)).status).toBe(204)
    expect((await admin.call('DELETE', `/v1/sessions/${session.id}`)).status).toBe(404)
    expect(await browser.status()).toBe(401)
  })

  test.each<[string, (at: { key: string; cookie: string }) => Promise<unknown>]>([
    ['a sign-out', ({ cookie }) => openBrowser(service.server).call('DELETE', '/session', { headers: { cookie } })],
    ['the revocation of its key', ({ key }) => service.call('DELETE', `/v1/keys/${idOf(key)}`)],
  ])('with its event streams, by %s', async (_, end) => {
    const { serverParts } = service
    const audit = await service.accept({ params: { openPort: 1, closedPort: 2 } }, new Date(Date.now() + hour))
    // Wakes the stream immediately instead of after its poll.
    const waitForEnd = async () => void (await new Promise((wake) => setTimeout(wake, 20)))
    const notifications = { ...serverParts.notifications, waitForEnd }
    const streaming = await buildServer({ ...serverParts, notifications })
    onTestFinished(() => streaming.close())
    const url = await streaming.listen({ host: '127.0.0.1', port: 0 })
    const key = await newKey('reports:read')
    const browser = await signedIn(key, streaming)
    const cookie = Array.from(browser.cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(`${url}/v1/audits/${audit}/events`, { headers: { ...fromOwnPage, cookie } })
    expect(response.status).toBe(200)
    await end({ key, cookie })
    expect(await response.text()).toMatch(/^retry: /) // the stream ends although the audit goes on
  })

  test('and maintenance removes its row', async () => {
    await signedIn(service.key)
    await service.query("UPDATE session SET idle_ends_at = now() - interval '1 second'")
    const kept = await signedIn(service.key)
    await service.stores.sessions.dropEnded()
    expect(await service.query('SELECT FROM session')).toHaveLength(1)
    expect(await kept.status()).toBe(200)
  })
})

describe('what gives access to others', () => {
  interface Operation {
    operationId: string
    requestBody?: object
  }
  const document = JSON.parse(readFileSync(new URL('../../../../openapi/openapi.json', import.meta.url), 'utf8'))
  const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({
      operationId,
      method: method.toUpperCase() as 'POST',
      url: path.replace('{id}', '00000000-0000-7000-8000-000000000000').replace(/\{\w+\}/g, '0'),
    })),
  )
  const sensitive = operations.filter(
    ({ method, url }) =>
      (method !== ('GET' as string) && /^\/v1\/(keys|webhooks|sessions)\b/.test(url)) || url === '/v1/callback-secret',
  )

  test.each(sensitive)('$operationId needs a sign-in of the last 15 minutes', async ({ method, url }) => {
    onTestFinished(() => {
      aheadMs = 0
    })
    const browser = await signedIn(service.key, moved)
    aheadMs = 16 * minute
    const request = method === ('GET' as string) ? {} : { body: {} }
    const { status, headers } = await browser.call(method, url, request)
    expect([status, headers['www-authenticate']]).toEqual([
      401,
      'Bearer error="insufficient_user_authentication", max_age="900"',
    ])
    expect(await browser.status('/v1/keys')).toBe(200)
    await browser.signIn(service.key)
    expect((await browser.call(method, url, request)).status).not.toBe(401)
  })

  test('there are such operations', () => {
    expect(sensitive.length).toBeGreaterThanOrEqual(10)
  })
})

test('PORTWARDEN_UI=false removes the sign-in, and cookies of before open nothing', async () => {
  const browser = await signedIn(service.key)
  const without = await buildServer({ ...service.serverParts, console: undefined })
  onTestFinished(() => without.close())
  const same = openBrowser(without)
  for (const [name, value] of browser.cookies) same.cookies.set(name, value)
  expect([await same.status(), (await same.signIn(service.key)).status]).toEqual([401, 404])
})

test('a key without a session sees who it is', async () => {
  const { body } = await service.call('GET', '/v1/me')
  expect(body).toMatchObject({ kind: 'key', name: 'test', scopes: ['admin'], session: null })
})
