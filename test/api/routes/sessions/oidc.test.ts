import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pathBelowUi } from '../../../../src/api/routes/sessions/oidc.ts'
import { buildServer } from '../../../../src/api/server.ts'
import { createOidcClient } from '../../../../src/api/sessions/oidc-client.ts'
import { fromOwnPage } from '../../../support/browser.ts'
import { dumpRows } from '../../../support/dump-rows.ts'
import {
  clientId,
  clientSecret,
  type OpenIdIssuer,
  resource,
  startOpenIdIssuer,
} from '../../../support/openid-issuer.ts'
import { freePort } from '../../../support/ports.ts'
import { type ApiResponse, startService, type TestService } from '../../../support/service.ts'

const callback = '/session/oidc/callback'

let service: TestService
let server: Awaited<ReturnType<typeof buildServer>>
let issuer: OpenIdIssuer
let url: string
let aheadMs = 0
const signIn = {
  issuer: '',
  clientId,
  clientSecret,
  request: `scope=openid+profile&resource=${resource}`,
  redirectUri: '',
}
beforeAll(async () => {
  service = await startService({ working: false })
  const tokens = { issuer: '', audience: 'portwarden', scopeClaim: 'roles', meanings: undefined }
  const port = await freePort() // the issuer and the service name each other before both listen
  signIn.redirectUri = `http://127.0.0.1:${port}${callback}`
  issuer = await startOpenIdIssuer([signIn.redirectUri])
  signIn.issuer = issuer.url
  const now = () => new Date(Date.now() + aheadMs)
  server = await buildServer({ ...service.serverParts, now, tokens: { ...tokens, issuer: issuer.url }, signIn })
  url = await server.listen({ host: '127.0.0.1', port })
})
afterAll(async () => {
  await server?.close()
  await service?.stop()
  await issuer?.close()
})
beforeEach(() => {
  aheadMs = 0
  Object.assign(issuer, { person: 'ann', scopes: 'reports:read', audience: 'portwarden' })
})

/** A browser that follows redirects, and keeps `SameSite=Strict` cookies from requests that another site causes. */
function openBrowser() {
  const jars = new Map<string, Map<string, { value: string; isStrict: boolean }>>()
  const jarOf = (at: URL) => {
    const jar = jars.get(at.origin) ?? new Map<string, { value: string; isStrict: boolean }>()
    jars.set(at.origin, jar)
    return jar
  }
  const get = async (at: URL, headers: Record<string, string>) => {
    const jar = jarOf(at)
    const isOwn = headers['sec-fetch-site'] === 'same-origin'
    const sent = [...jar].filter(([, { isStrict }]) => isOwn || !isStrict)
    const cookie = sent.map(([name, { value }]) => `${name}=${value}`).join('; ')
    const response = await fetch(at, { redirect: 'manual', headers: { ...headers, ...(cookie && { cookie }) } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, { value, isStrict: /samesite=strict/i.test(line) })
    }
    return response
  }
  const follow = async (start: string, until?: (at: URL) => boolean) => {
    const visited: URL[] = []
    let at = new URL(start, url)
    let site = 'same-origin'
    for (;;) {
      visited.push(at)
      if (until?.(at) || at.pathname.startsWith('/ui/')) return { at, visited }
      const response = await get(at, { 'sec-fetch-site': site })
      const location = response.headers.get('location')
      if (location === null) throw new Error(`${at} has no redirect: ${response.status} ${await response.text()}`)
      const next = new URL(location, at)
      if (next.origin !== at.origin) site = 'cross-site' // and stays so in a chain of redirects
      at = next
    }
  }
  return {
    jars,
    follow,
    /** The URL to which the issuer sends the browser back. */
    returned: async (start = '/session/oidc/start') => (await follow(start, (at) => at.pathname === callback)).at,
    visit: (at: URL) => get(at, { 'sec-fetch-site': 'cross-site' }),
    page: (path: string) => get(new URL(path, url), fromOwnPage),
    me: async () => {
      const response = await get(new URL('/v1/me', url), fromOwnPage)
      const body = (await response.json()) as ApiResponse['body']
      return { status: response.status, body }
    },
  }
}
const errorOf = ({ search }: URL) => new URLSearchParams(search).get('error')

describe('a sign-in at the issuer', () => {
  test('leads back to the page of the console, as the person with the scopes of the token', async () => {
    const browser = openBrowser()
    const back = '/ui/findings?severity=high#top'
    const { at, visited } = await browser.follow(`/session/oidc/start?back=${encodeURIComponent(back)}`)
    expect(at.href).toBe(url + back)
    expect(visited.some(({ origin }) => origin === issuer.url)).toBe(true)
    const { status, body } = await browser.me()
    expect([status, body]).toMatchObject([
      200,
      { id: 'oidc:ann', name: 'ann of the tests', kind: 'oidc', scopes: ['reports:read'], targets: null },
    ])
    expect((await browser.page('/v1/targets')).status).toBe(200)
    expect((await browser.page('/v1/keys')).status).toBe(403)
  })

  test('sends PKCE, state and nonce, and keeps no token', async () => {
    const browser = openBrowser()
    const { visited } = await browser.follow('/session/oidc/start')
    const [, request] = visited
    const query = Object.fromEntries(request?.searchParams ?? [])
    expect(query).toMatchObject({ response_type: 'code', code_challenge_method: 'S256', resource, client_id: clientId })
    for (const name of ['state', 'nonce', 'code_challenge']) expect(query[name]?.length).toBeGreaterThan(30)
    const rows = String(await dumpRows(service.url))
    expect(rows).not.toContain(Buffer.from('eyJ').toString('hex'))
    expect(rows).not.toMatch(/eyJ[\w-]+\.[\w-]+\./)
    for (const jar of browser.jars.get(url)?.values() ?? []) expect(jar.value).not.toMatch(/eyJ/)
  })

  test('is recent only when the issuer says when the person has proven who it is', async () => {
    issuer.scopes = 'admin'
    const browser = openBrowser()
    const end = async () => {
      const id = '00000000-0000-7000-8000-000000000000'
      const cookie = Array.from(browser.jars.get(url) ?? [], ([name, { value }]) => `${name}=${value}`).join('; ')
      return (await fetch(`${url}/v1/sessions/${id}`, { method: 'DELETE', headers: { ...fromOwnPage, cookie } })).status
    }
    await browser.follow('/session/oidc/start')
    expect([(await browser.me()).body.session.signedInAt, await end()]).toEqual([null, 401])
    await browser.follow('/session/oidc/start?again=true')
    expect([(await browser.me()).body.session.signedInAt, await end()]).toEqual([expect.any(String), 404])
  })

  test('ends the session of the browser before', async () => {
    const browser = openBrowser()
    await browser.follow('/session/oidc/start')
    const first = (await browser.me()).body.session.id
    await browser.follow('/session/oidc/start')
    expect((await browser.me()).body.session.id).not.toBe(first)
    expect(await service.query(`SELECT FROM session WHERE id = '${first}'`)).toEqual([])
  })

  test('is offered to the page', async () => {
    expect(await (await fetch(`${url}/session`)).json()).toEqual({ oidc: true })
    expect((await service.call('GET', '/session')).body).toEqual({ oidc: false })
  })
})

describe('a sign-in fails', () => {
  const statusOf = async (at: URL, browser = openBrowser()) => {
    const response = await browser.visit(at)
    const location = new URL(response.headers.get('location') ?? '', url)
    return [response.status, location.pathname, errorOf(location)]
  }

  test.each<[string, string, (at: URL) => void]>([
    ['another state', 'failed', (at) => at.searchParams.set('state', 'x'.repeat(43))],
    ['no state', 'failed', (at) => at.searchParams.delete('state')],
    ['another issuer', 'failed', (at) => at.searchParams.set('iss', 'https://evil.test')],
    ['no issuer', 'failed', (at) => at.searchParams.delete('iss')],
    ['another code', 'failed', (at) => at.searchParams.set('code', 'x'.repeat(43))],
    ['two states', 'failed', (at) => at.searchParams.append('state', 'x')],
  ])('with %s', async (_, code, change) => {
    const browser = openBrowser()
    const at = await browser.returned()
    change(at)
    expect(await statusOf(at, browser)).toEqual([303, '/ui/sign-in', code])
    expect((await browser.me()).status).toBe(401)
  })

  test('in a browser that did not begin it, and when it is repeated', async () => {
    const browser = openBrowser()
    const at = await browser.returned()
    expect(await statusOf(at)).toEqual([303, '/ui/sign-in', 'expired'])
    const [cookie] = [new Map(browser.jars.get(url))]
    expect((await browser.visit(at)).headers.get('location')).toBe('/ui/')
    expect(await statusOf(at, browser)).toEqual([303, '/ui/sign-in', 'expired'])
    const copy = openBrowser()
    copy.jars.set(url, cookie)
    expect(await statusOf(at, copy)).toEqual([303, '/ui/sign-in', 'failed']) // the code was redeemed
  })

  test('after ten minutes, and with a cookie of its own making', async () => {
    const browser = openBrowser()
    const at = await browser.returned()
    aheadMs = 11 * 60_000
    expect(await statusOf(at, browser)).toEqual([303, '/ui/sign-in', 'expired'])
    aheadMs = 0
    const forged = openBrowser()
    const value = Buffer.from(JSON.stringify({ state: 'x', until: 1e15 })).toString('base64url')
    forged.jars.set(url, new Map([['__Host-portwarden-sign-in', { value, isStrict: false }]]))
    expect(await statusOf(at, forged)).toEqual([303, '/ui/sign-in', 'expired'])
  })

  test.each<[string, string, Partial<OpenIdIssuer>]>([
    ['the person declines', 'failed', { person: undefined }],
    ['the token is for another service', 'no-access', { audience: 'other' }],
    ['the person may do nothing here', 'no-access', { scopes: 'unknown' }],
    ['the scopes are those of an agent', 'no-access', { scopes: 'vantage:local admin' }],
  ])('when %s', async (_, code, change) => {
    Object.assign(issuer, change)
    const browser = openBrowser()
    const { at } = await browser.follow('/session/oidc/start')
    expect([at.pathname, errorOf(at)]).toEqual(['/ui/sign-in', code])
    expect((await browser.me()).status).toBe(401)
  })

  test('when the issuer is away, without a wait for the next attempt', async () => {
    const away = await buildServer({
      ...service.serverParts,
      tokens: { issuer: 'http://127.0.0.1:9', audience: 'portwarden', scopeClaim: 'scope', meanings: undefined },
      signIn: { ...signIn, issuer: 'http://127.0.0.1:9' },
    })
    const { headers } = await away.inject('/session/oidc/start')
    await away.close()
    expect(headers.location).toBe('/ui/sign-in?error=unavailable')
  })

  test('when nonce or verifier are not those of this sign-in', async () => {
    const client = createOidcClient(signIn)
    for (const change of [{ nonce: 'x'.repeat(43) }, { verifier: 'x'.repeat(43) }, { state: 'x'.repeat(43) }]) {
      const { url: page, pending } = await client.begin(false)
      const at = await openBrowser().returned(page.href)
      await expect(client.finish(at.search, { ...pending, ...change })).rejects.toThrow()
    }
    const { url: page, pending } = await client.begin(true)
    const at = await openBrowser().returned(page.href)
    expect(await client.finish(at.search, pending)).toMatchObject({ subject: 'ann', signedInAt: expect.any(Date) })
  })
})

test('a person of an issuer that is no longer configured has no session', async () => {
  const browser = openBrowser()
  await browser.follow('/session/oidc/start')
  const cookie = Array.from(browser.jars.get(url) ?? [], ([name, { value }]) => `${name}=${value}`).join('; ')
  const { statusCode } = await service.server.inject({ url: '/v1/me', headers: { ...fromOwnPage, cookie } })
  expect(statusCode).toBe(401)
})

test.each([
  [undefined, '/ui/'],
  ['/ui/findings?a=b#c', '/ui/findings?a=b#c'],
  ['/portwarden/ui/findings', '/ui/findings'],
  ['https://evil.test/ui/', '/ui/'],
  ['//evil.test/ui/', '/ui/'],
  ['/\\evil.test/ui/', '/ui/'],
  ['\t//evil.test/ui/', '/ui/'],
  ['/ui/../v1/keys', '/ui/'],
  ['/ui/%2e%2e/v1/keys', '/ui/'],
  ['/v1/keys', '/ui/'],
  ['javascript:alert(1)', '/ui/'],
  ['http://service@evil.test/ui/', '/ui/'],
  ['/uix', '/ui/'],
])('after the sign-in, %j leads to %s', (back, path) => {
  expect(pathBelowUi(back, '/portwarden')).toBe(path)
})
