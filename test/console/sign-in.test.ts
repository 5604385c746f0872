import { afterAll, beforeAll, expect, test } from 'vitest'
import { fromOwnPage } from '../support/browser.ts'
import { type ConsolePage, eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { clientId, clientSecret, type OpenIdIssuer, resource, startOpenIdIssuer } from '../support/openid-issuer.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { freePort } from '../support/ports.ts'

describeWithPeers(['chromium'], 'the sign-in', () => {
  let console: TestConsole
  beforeAll(async () => {
    console = await startConsole({ working: false })
  })
  afterAll(() => console?.stop())

  const enter = async (page: ConsolePage, key: string) => {
    await page.getByLabel('Key').fill(key)
    await page.keyboard.press('Enter')
  }

  test('is accessible in every view', async () => {
    const page = await console.open('/', { key: null })
    await page.getByLabel('Key').waitFor()
    page.complaints.length = 0 // Chromium reports the 401 of /v1/me
    await eachView(page, 'sign-in')
  })

  test('with a wrong key says so, and with a key opens the page of the address; nothing of the browser stores the key', async () => {
    const page = await console.open('/targets?label=site%3Dhq', { key: null })
    await enter(page, 'pw_wrong')
    await page.getByText('the key does not exist, was revoked, or has expired').waitFor()
    await enter(page, console.service.key)
    await page.getByRole('heading', { name: 'Targets' }).waitFor()
    expect(page.url()).toBe(`${console.url}/ui/targets?label=site%3Dhq`)
    const stored = await page.evaluate<string>(
      'JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])',
    )
    expect(stored).not.toContain(console.service.key)
  })

  test('is requested over the page when the session ends: the request is sent again with what was typed', async () => {
    const page = await console.open('/audits/new')
    await page.getByLabel('Targets').fill('epp-01 127.0.0.1')
    await page.request.delete(`${console.url}/session`, { headers: fromOwnPage })
    await page.getByRole('button', { name: 'Start audit' }).click()
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor()
    await enter(page, console.service.key)
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('heading', { name: 'Audit', exact: true }).waitFor()
    expect((await console.service.call('GET', '/v1/targets')).body.items).toMatchObject([{ name: 'epp-01' }])
  })

  test('with the link of the start of the service needs no key, once, and its token leaves the address', async () => {
    const [, keyId = ''] = console.service.key.split('_')
    const token = console.service.serverParts.signInLinks.create(keyId, new Date())
    const page = await console.open(`/sign-in#token=${token}`, { key: null })
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(page.url()).toBe(`${console.url}/ui/`)
    const again = await console.open(`/sign-in#token=${token}`, { key: null })
    await again.getByText('The link was used before').waitFor()
    expect(again.url()).not.toContain(token)
  })

  test('is requested again for what needs a recent one, over the page', async () => {
    const page = await console.open('/vantages')
    await console.service.query(`UPDATE session SET signed_in_at = now() - interval '1 hour'`)
    await page.getByRole('button', { name: 'Add an agent' }).click()
    await page.getByLabel('Name of its vantage').fill('recent')
    await page.getByLabel('Zones that it belongs to').fill('client')
    await page.getByRole('button', { name: /Register/ }).click()
    await page.getByRole('dialog', { name: 'Confirm who you are' }).waitFor()
    await enter(page, console.service.key)
    await page.getByText(/PORTWARDEN_AGENT_KEY=pw_/).waitFor()
  })

  test('is there again after a sign-out', async () => {
    const page = await console.open('/targets')
    await page.locator('.user-menu > summary').click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Key').waitFor()
    await page.reload()
    await page.getByLabel('Key').waitFor()
  })

  test('of a team shows its limit on every page', async () => {
    const { body } = await console.service.call('POST', '/v1/keys', {
      body: { name: 'team', scopes: ['reports:read'], targets: { labels: { site: 'hq' } } },
    })
    const page = await console.open('/targets', { key: body.key })
    await settled(page)
    expect(await page.getByText('You see the targets with').textContent()).toContain('site = hq')
  })
})

describeWithPeers(['chromium'], 'the sign-in at an issuer', () => {
  let console: TestConsole
  let issuer: OpenIdIssuer
  beforeAll(async () => {
    const port = await freePort() // the issuer and the service name each other before both listen
    const url = `http://127.0.0.1:${port}`
    issuer = await startOpenIdIssuer([`${url}/session/oidc/callback`])
    Object.assign(issuer, { person: 'ann', scopes: 'reports:read admin', audience: 'portwarden' })
    const env = {
      PORT: String(port),
      PORTWARDEN_PUBLIC_URL: url,
      PORTWARDEN_OIDC_ISSUER: issuer.url,
      PORTWARDEN_OIDC_AUDIENCE: 'portwarden',
      PORTWARDEN_OIDC_SCOPE_CLAIM: 'roles',
      PORTWARDEN_OIDC_CLIENT_ID: clientId,
      PORTWARDEN_OIDC_CLIENT_SECRET: clientSecret,
      PORTWARDEN_OIDC_REQUEST: `scope=openid+profile&resource=${resource}`,
    }
    console = await startConsole({ working: false, env })
  })
  afterAll(async () => {
    await console?.stop()
    await issuer?.close()
  })

  const button = (page: ConsolePage) => page.getByRole('link', { name: 'Sign in with single sign-on' })

  test('leads back to the page of the address, as the person', async () => {
    const page = await console.open('/targets?label=site%3Dhq', { key: null })
    await button(page).waitFor()
    page.complaints.length = 0 // Chromium reports the 401 of /v1/me
    await eachView(page, 'sign-in-issuer')
    await button(page).click()
    await page.getByRole('heading', { name: 'Targets' }).waitFor()
    expect(page.url()).toBe(`${console.url}/ui/targets?label=site%3Dhq`)
    expect(await page.locator('.user-menu > summary').textContent()).toContain('ann of the tests')
  })

  test('that a person declines says so, and can be tried again', async () => {
    const page = await console.open('/', { key: null })
    issuer.person = undefined
    await button(page).click()
    await page.getByText('The issuer refused the sign-in').waitFor()
    issuer.person = 'ann'
    await button(page).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
  })

  test('in another tab lets a request go on that needs a recent one, with what was typed', async () => {
    const page = await console.open('/vantages', { key: null })
    await button(page).click()
    await page.getByRole('heading', { name: 'Vantages' }).waitFor()
    await console.service.query(`UPDATE session SET signed_in_at = now() - interval '1 hour'`)
    await page.getByRole('button', { name: 'Add an agent' }).click()
    await page.getByLabel('Name of its vantage').fill('recent')
    await page.getByLabel('Zones that it belongs to').fill('client')
    await page.getByRole('button', { name: /Register/ }).click()
    const dialog = page.getByRole('dialog', { name: 'Confirm who you are' })
    await dialog.waitFor()
    const opened = page.context().waitForEvent('page')
    await button(page).click()
    const other = await opened
    await other.getByRole('heading', { name: 'Vantages' }).waitFor()
    await other.close()
    await page
      .getByRole('button', { name: 'I have signed in' })
      .click({ timeout: 5_000 })
      .catch(() => {}) // or it went on by itself
    await page.getByText(/PORTWARDEN_AGENT_KEY=pw_/).waitFor()
  })
})
