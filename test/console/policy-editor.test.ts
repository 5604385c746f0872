import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { auditTwice } from '../support/console/audited-twice.ts'
import { type ConsolePage, eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { takenTexts } from '../support/console/hostile-estate.ts'
import { describeWithPeers } from '../support/peers/available.ts'

const hostile = takenTexts.find(({ kind }) => kind === 'a script')?.text ?? ''
const yaml = `# ${hostile}
name: gateway
title: Gateway
rules:
  - id: https
    title: HTTPS
    severity: high
    direction: inbound
    from: [client]
    probe: tcp
    port: 443 # of the gateway
    expect: { state: [open] }
`

describeWithPeers(['chromium'], 'the editor of policies', () => {
  let console: TestConsole
  beforeAll(async () => {
    console = await startConsole()
    await auditTwice(console.service)
    await put(yaml)
  })
  afterAll(() => console?.stop())

  const put = (body: string) =>
    console.service.call('PUT', '/v1/policies/gateway', { body, headers: { 'content-type': 'application/yaml' } })
  const stored = async (name: string) => (await console.service.call('GET', `/v1/policies/${name}`)).body
  const area = (page: ConsolePage) => page.getByLabel('Policy in YAML')
  const save = (page: ConsolePage) => page.getByRole('button', { name: /Save as a new version/ })
  const rehearse = async (page: ConsolePage) => {
    await page.getByText('The policy is valid.').waitFor()
    await page.getByRole('button', { name: 'Show what it would change' }).click()
    await page.getByRole('heading', { name: 'What it would change' }).waitFor()
  }

  test('keeps comments, marks errors by line, and saves what was valid, rehearsed and explained', async () => {
    const page = await console.open('/policies/gateway')
    await page.getByRole('link', { name: 'Edit' }).click()
    await expect.poll(() => area(page).inputValue()).toBe(yaml)
    await page.getByText('Nothing is changed yet.').waitFor()
    await area(page).fill(yaml.replace('443', '70000'))
    await page.getByRole('button', { name: 'Line 11' }).waitFor()
    expect(await page.locator('.gutter [data-marked]').allTextContents()).toEqual(['11'])
    expect(await save(page).isDisabled()).toBe(true)
    await eachView(page, 'policy-editor-invalid')
    await page.getByRole('button', { name: 'Line 11' }).click()
    expect(await page.evaluate('getSelection().toString()')).toContain('70000')
    await area(page).fill(yaml.replace('443', '8443'))
    await page.getByText('See what it would change first.').waitFor()
    await rehearse(page)
    await page.getByText('Say why it changes.').waitFor()
    await page.getByLabel('Why it changes').fill(hostile)
    await area(page).press('End')
    await page.keyboard.type(' ') // a draft that was not rehearsed is not saved
    await page.getByText('See what it would change first.').waitFor()
    await rehearse(page)
    await eachView(page, 'policy-editor')
    await save(page).click()
    await page.getByRole('heading', { name: 'gateway', exact: true }).waitFor()
    expect(await stored('gateway')).toMatchObject({
      version: 2,
      note: hostile,
      source: expect.stringContaining('8443 # of'),
    })
    await page.getByRole('link', { name: 'Versions' }).click()
    await page.getByRole('cell', { name: hostile }).waitFor()
  })

  test('rehearses on stored facts: how many findings would change, and which', async () => {
    const page = await console.open('/policies/ports/edit')
    const text = await area(page).inputValue() // put as JSON, and shown as YAML
    const changed = text.replace(/(state:\s+(?:- |\[ ?))open/, '$1closed')
    expect(changed).not.toBe(text)
    await area(page).fill(changed)
    await rehearse(page)
    await page.getByText('1 finding would change.').waitFor()
    expect(await page.getByRole('row', { name: /epp-01.*must-be-open/ }).textContent()).toMatch(/Fail.*Pass/)
    await eachView(page, 'policy-rehearsal')
  })

  test('loses nothing when someone else was faster: before, mine and theirs, with a choice', async () => {
    const page = await console.open('/policies/gateway/edit')
    const before = await area(page).inputValue()
    const mine = before.replace('title: Gateway', 'title: My gateway').replace('severity: high', 'severity: low')
    await area(page).fill(mine)
    await rehearse(page)
    await page.getByLabel('Why it changes').fill('mine')
    await put(before.replace('title: Gateway', 'title: Their gateway').replace('8443', '9443'))
    await save(page).click()
    await page.getByRole('heading', { name: 'Version 3 was saved meanwhile' }).waitFor()
    page.complaints.length = 0 // Chromium reports the 412
    expect(await area(page).inputValue()).toBe(mine)
    expect(await page.locator('.difference h3').allTextContents()).toEqual([
      'Both changed it: choose',
      'You changed it',
      'They changed it',
    ])
    await eachView(page, 'policy-merge')
    expect(await page.getByRole('button', { name: 'Go on with both changes' }).isDisabled()).toBe(true)
    await page.getByRole('radio', { name: 'Mine', exact: true }).check()
    await page.getByRole('button', { name: 'Go on with both changes' }).click()
    const merged = mine.replace('8443', '9443')
    expect(await area(page).inputValue()).toBe(merged)
    await rehearse(page)
    await save(page).click()
    await page.getByRole('heading', { name: 'gateway', exact: true }).waitFor()
    expect(await stored('gateway')).toMatchObject({ version: 4, source: merged, note: 'mine' })
  })

  test('keeps a draft while other pages are visited', async () => {
    const page = await console.open('/policies/-/new')
    await area(page).fill(yaml.replace('gateway', 'another'))
    await page.getByRole('link', { name: 'Targets' }).click()
    await page.getByRole('heading', { name: 'Targets' }).waitFor()
    await page.getByRole('link', { name: 'Policies' }).click()
    await page.getByRole('link', { name: 'Add a policy' }).click()
    expect(await area(page).inputValue()).toContain('name: another')
    await rehearse(page)
    await page.getByLabel('Why it changes').fill('first')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'another', exact: true }).waitFor()
    await settled(page)
    expect(await stored('another')).toMatchObject({ version: 1, note: 'first' })
  })

  test('begins with a proposal from what is open, which is stored nowhere before it is saved', async () => {
    const open = await listenSilently()
    onTestFinished(open.close)
    await console.service.stores.targets.save([{ name: 'listening', address: '127.0.0.1' }])
    const page = await console.open('/policies')
    await page.getByRole('link', { name: 'Propose from what is open' }).click()
    await page.getByLabel('Targets').fill('listening')
    await eachView(page, 'policy-proposal')
    await page.getByLabel('Ports').fill('http')
    await page.getByRole('button', { name: 'Propose' }).click()
    await page.getByText('must be a port from 1 to 65535').waitFor()
    await page.getByLabel('Ports').fill(String(open.port))
    await page.getByRole('button', { name: 'Propose' }).click()
    await page.getByText('The policy is valid.').waitFor()
    expect(await area(page).inputValue()).toContain(`id: tcp-${open.port}`)
    expect((await console.service.call('GET', '/v1/policies/proposed')).status).toBe(404)
  })
})
