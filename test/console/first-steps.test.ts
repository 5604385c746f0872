import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConsolePage, eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium'], 'the first steps', () => {
  let console: TestConsole
  beforeAll(async () => {
    console = await startConsole()
  })
  afterAll(() => console?.stop())

  const overview = async (page: ConsolePage) => {
    await page.getByRole('link', { name: 'Portwarden' }).click()
    await page.getByRole('heading', { name: 'First steps' }).waitFor()
    await settled(page)
  }
  const step = (page: ConsolePage, name: string) => page.locator('.steps > li', { hasText: name })

  test('lead from the one-time link to a verdict, a schedule and an agent', async () => {
    const [, keyId = ''] = console.service.key.split('_')
    const token = console.service.serverParts.signInLinks.create(keyId, new Date())
    const page = await console.open(`/sign-in#token=${token}`, { key: null })
    await page.getByRole('heading', { name: 'First steps' }).waitFor()
    await settled(page)
    expect(await step(page, 'A policy says').getByText('Done').count()).toBe(1)
    expect(await page.locator('.steps .primary').allTextContents()).toEqual(['Add a target'])
    await eachView(page, 'first-steps')

    await page.locator('.steps .primary').click()
    await page.getByLabel('Name').fill('epp-01')
    await page.getByLabel('Address').fill('127.0.0.1')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'epp-01' }).waitFor()

    await overview(page)
    await page.locator('.steps .primary').click()
    expect(await page.getByLabel('Targets').inputValue()).toBe('epp-01')
    await page.getByRole('button', { name: 'Start audit' }).click()
    await page.getByText(/checks? fails?\.|not everything is known|checked complies/).waitFor()

    await overview(page)
    expect(await step(page, 'Audit it').first().getByText('Done').count()).toBe(1)
    await page.locator('.steps .primary').click()
    await page.getByLabel('Name').fill('nightly')
    expect(await page.getByLabel('Targets').inputValue()).toBe('epp-01')
    await page.getByRole('button', { name: 'Add the schedule' }).click()
    await page.getByRole('heading', { name: 'nightly' }).waitFor()
    expect((await console.service.call('GET', '/v1/schedules/nightly')).body.audit).toMatchObject({
      policy: 'netwrix-endpoint-protector',
      targets: ['epp-01'],
    })

    await page.goto(`${console.url}/ui/`)
    await page.getByRole('heading', { name: 'Changed', exact: false }).first().waitFor()
    await settled(page)
    expect(await page.getByRole('heading', { name: 'First steps' }).count()).toBe(0)
    expect(page.complaints).toEqual([])
  })

  test('say which scope a step needs', async () => {
    const { body } = await console.service.call('POST', '/v1/keys', { body: { name: 'r', scopes: ['reports:read'] } })
    await console.service.call('DELETE', '/v1/schedules/nightly')
    const page = await console.open('/', { key: body.key })
    await step(page, 'every night').getByText('Needs the scope audits:run').waitFor()
    await page.getByRole('button', { name: 'Hide the first steps' }).click()
    expect(await page.getByRole('heading', { name: 'First steps' }).count()).toBe(0)
  })
})
