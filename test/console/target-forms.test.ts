import { afterAll, beforeAll, expect, test } from 'vitest'
import { fromOwnPage } from '../support/browser.ts'
import { type ConsolePage, eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { takenTexts } from '../support/console/hostile-estate.ts'
import { describeWithPeers } from '../support/peers/available.ts'

const hostile = takenTexts.find(({ kind }) => kind === 'a script')?.text ?? ''

describeWithPeers(['chromium'], 'the forms for targets', () => {
  let console: TestConsole
  beforeAll(async () => {
    console = await startConsole()
  })
  afterAll(() => console?.stop())

  const target = async (name: string) => (await console.service.call('GET', `/v1/targets/${name}`)).body
  const fill = async (page: ConsolePage, fields: Record<string, string>) => {
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value)
  }
  /** What the console says beside a field. */
  const issueOf = async (page: ConsolePage, label: string) => {
    const ids = (await page.getByLabel(label, { exact: true }).getAttribute('aria-describedby'))?.split(' ') ?? []
    const issue = ids.find((id) => id.endsWith('-issue'))
    return issue && page.locator(`[id="${issue}"]`).textContent()
  }

  test('show each refusal at its field, keep what was typed, and create a target once', async () => {
    const page = await console.open('/targets')
    await page.getByRole('link', { name: 'Add a target' }).click()
    await fill(page, { Name: '-bad-', Address: '127.1', 'Labels optional': 'site hq' })
    expect(await issueOf(page, 'Labels optional')).toBe('site hq: write it as name=value')
    expect(await page.getByRole('button', { name: 'Add the target' }).isDisabled()).toBe(true)
    await fill(page, { 'Labels optional': `site=hq\nnote=${hostile}`, 'Roles optional': 'epp-server' })
    await page.keyboard.press('Enter')
    await page.getByText('Not saved: see the fields above').waitFor()
    expect(await issueOf(page, 'Name')).toBe('is not valid; an example: epp-01')
    expect(await page.evaluate('document.activeElement?.value')).toBe('-bad-')
    page.complaints.length = 0 // Chromium reports the 400
    await eachView(page, 'target-new')
    await fill(page, { Name: 'epp-01' })
    await page.getByRole('button', { name: 'Add the target' }).click()
    await page.getByText(/must be an? /).waitFor()
    expect(await issueOf(page, 'Address')).toContain('must be')
    await fill(page, { Address: '127.0.0.1' })
    await page.getByRole('button', { name: 'Add the target' }).click()
    await page.getByRole('heading', { name: 'epp-01' }).waitFor()
    expect(await target('epp-01')).toMatchObject({ address: '127.0.0.1', labels: { site: 'hq', note: hostile } })
  })

  test('say at the name that it is in use', async () => {
    const page = await console.open('/targets/-/new')
    await fill(page, { Name: 'epp-01', Address: '127.0.0.2' })
    await page.getByRole('button', { name: 'Add the target' }).click()
    await page.getByText('there is a target epp-01 already').waitFor()
    expect(await issueOf(page, 'Name')).toContain('epp-01')
  })

  test('send what was typed after the session has ended, once', async () => {
    const page = await console.open('/targets/-/new')
    await fill(page, { Name: 'epp-02', Address: '127.0.0.2' })
    await page.request.delete(`${console.url}/session`, { headers: fromOwnPage })
    await page.getByRole('button', { name: 'Add the target' }).click()
    await page.getByRole('dialog').getByLabel('Key').fill(console.service.key)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'epp-02' }).waitFor()
    expect(await target('epp-02')).toMatchObject({ address: '127.0.0.2' })
  })

  test('change a target; a change of someone else is shown beside what was typed, and nothing is lost', async () => {
    const page = await console.open('/targets/epp-01')
    await page.getByRole('link', { name: 'Edit' }).click()
    await fill(page, { Address: '127.0.0.9' })
    await console.service.call('PATCH', '/v1/targets/epp-01', { body: { externalId: hostile } })
    await page.getByRole('button', { name: 'Save' }).click()
    const conflict = page.getByRole('region', { name: 'Conflict' })
    await conflict.waitFor()
    expect(await conflict.getByRole('row').allTextContents()).toEqual([
      'FieldStored nowYou typed',
      'Address127.0.0.1127.0.0.9',
      `External id${hostile}nothing`,
    ])
    page.complaints.length = 0 // Chromium reports the 412
    await eachView(page, 'target-conflict')
    await conflict.getByRole('button', { name: 'Keep what I typed' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'epp-01', exact: true }).waitFor()
    expect(await target('epp-01')).toMatchObject({ address: '127.0.0.9', externalId: null, labels: { site: 'hq' } })
  })

  test('import what was shown before, with errors by line', async () => {
    const page = await console.open('/targets')
    await page.getByRole('link', { name: 'Import' }).click()
    const csv = `name,address,labels.site\nepp-01,127.0.0.3,hq\nepp-03,127.0.0.4,${hostile}\n-,x y,hq\n`
    await page.getByLabel('File').setInputFiles({ name: 'estate.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
    await page.getByRole('button', { name: 'Show what it would do' }).click()
    await page.getByText('3 rows: 1 new target, 1 changed, 0 unchanged, 1 refused. Nothing is stored yet.').waitFor()
    const errors = page.getByRole('table', { name: 'Errors by line' })
    expect(await errors.getByRole('row').nth(1).textContent()).toMatch(/^4name/)
    expect(await target('epp-01')).toMatchObject({ address: '127.0.0.9' })
    await eachView(page, 'targets-import')
    await page.getByRole('button', { name: 'Store the 2 valid targets' }).click()
    await page.getByText('1 target added, 1 changed.').waitFor()
    expect(await target('epp-01')).toMatchObject({ address: '127.0.0.3' })
    expect(await target('epp-03')).toMatchObject({ address: '127.0.0.4' })
  })

  test('refuse a text that is no JSON before anything is sent', async () => {
    const page = await console.open('/targets/-/import')
    await page.getByLabel('Or the text itself').fill('[{"name": ')
    await page.getByRole('button', { name: 'Show what it would do' }).click()
    await page.getByText('This is not JSON').waitFor()
  })

  test('retire a target after a confirmation, with the keyboard alone', async () => {
    const page = await console.open('/targets/epp-02')
    await page.getByRole('button', { name: 'Retire' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Retire epp-02?' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Retire the target' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Targets' }).waitFor()
    expect(await target('epp-02')).toMatchObject({ status: 404 })
  })

  test('start an audit immediately where one policy is known for the target', async () => {
    const { service } = console
    const params = { openPort: 9, closedPort: 9 }
    await service.call('PATCH', '/v1/targets/epp-01', { body: { address: '127.0.0.1', params } })
    await service.ended(await service.accept({ targets: ['epp-01'] }))
    const page = await console.open('/targets/epp-01')
    await page.getByRole('button', { name: 'Audit now' }).click()
    await page.getByRole('heading', { name: 'Audit', exact: true }).waitFor()
    await settled(page)
    expect((await service.call('GET', '/v1/audits')).body.items).toHaveLength(2)
  })

  test('are not offered without the scope, nor for the past', async () => {
    const { body } = await console.service.call('POST', '/v1/keys', {
      body: { name: 'reader', scopes: ['reports:read'] },
    })
    const page = await console.open('/targets/epp-01', { key: body.key })
    expect(await page.getByRole('link', { name: 'Edit' }).count()).toBe(0)
    await page.goto(`${console.url}/ui/targets/-/new`)
    await page.getByText('Needs the scope targets:write').waitFor()
    const past = await console.open(`/targets?at=${new Date().toISOString()}`)
    expect(await past.getByRole('link', { name: 'Import' }).count()).toBe(0)
  })
})
