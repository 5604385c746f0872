import { afterAll, beforeAll, expect, test } from 'vitest'
import { fromOwnPage } from '../support/browser.ts'
import { type ConsolePage, eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { describeWithPeers } from '../support/peers/available.ts'

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
