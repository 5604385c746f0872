import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { exposures } from '../support/teams.ts'

const hostile = `<script>alert(1)</script> <img src=x onerror='alert(1)'> " onmouseover="alert(1)`

describeWithPeers(['chromium'], 'approvals', () => {
  let console: TestConsole
  let open: Listening
  let head: string
  const ids: Record<string, string> = {}
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  const about = { policy: 'exposures', rules: ['must-be-unreachable'] }
  const post = async (path: string, body: object, key?: string) => {
    const response = await console.service.call('POST', path, { body, ...(key && { key }) })
    expect(response.status, JSON.stringify(response.body)).toBeLessThan(300)
    return response.body
  }
  beforeAll(async () => {
    ;[console, open] = await Promise.all([startConsole(), listenSilently()])
    const { service } = console
    await service.call('PUT', '/v1/policies/exposures', { body: exposures })
    const params = { openPort: open.port, closedPort: open.port }
    const names = ['epp-1', 'epp-2', 'epp-3', 'epp-4', 'epp-5']
    for (const name of names) await service.stores.targets.save([{ name, address: '127.0.0.1', params }])
    await service.ended(await service.accept({ policy: 'exposures', targets: names }))
    head = await service.stores.keys.create('Head of operations', [
      'windows:approve',
      'waivers:approve',
      'reports:read',
    ])
    const from = inHours(0)
    const window = { ...about, reason: 'The vendor analyses an update', from, to: inHours(2) }
    const { id } = await post('/v1/windows', { ...window, targets: ['epp-1', 'epp-2'], ticket: 'CHG1' })
    const still = await post('/v1/windows', { ...window, targets: ['epp-4'], ticket: 'CHG3' })
    const running = await post('/v1/windows', { ...window, targets: ['epp-5'], ticket: 'CHG4' })
    for (const one of [still, running]) await post(`/v1/windows/${one.id}/approve`, {}, head)
    await service.query(`UPDATE access_window SET from_at = now() - interval '3 h', to_at = now() - interval '1 h',
      approved_at = now() - interval '4 h', proof = 'open', reprobes = 2 WHERE id = '${still.id}'`)
    const { id: waiver } = await post('/v1/waivers', {
      ...{ ...about, targets: ['epp-3'], ticket: hostile, reason: hostile, expiresAt: inHours(24) },
    })
    Object.assign(ids, { window: id, running: running.id, waiver })
  })
  afterAll(() => Promise.all([console?.stop(), open?.close()]))

  test('show what still is open on top, then what waits, with its effect', async () => {
    const page = await console.open('/approvals', { key: head })
    await page.getByText('Opens port', { exact: false }).first().waitFor()
    expect(await page.locator('main h2').allTextContents()).toEqual([
      'Still open after their window',
      'Waiting for you',
      'Open now',
      'Waivers that end within 14 days',
    ])
    await page.getByText(`Opens port ${open.port} from client on 2 targets for 2 h.`).waitFor()
    await page.getByText('Accepts 1 failure on 1 target').waitFor()
    expect(await page.getByText(hostile).count()).toBeGreaterThan(0)
    await eachView(page, 'approvals')
  })

  test('are off for a request of one’s own, and say why', async () => {
    const page = await console.open('/approvals')
    await page.getByRole('heading', { name: 'Waiting for others' }).waitFor()
    await page
      .getByText(/The requester of a window cannot decide it/)
      .first()
      .waitFor()
    expect(await page.getByRole('button', { name: 'Approve window' }).isDisabled()).toBe(true)
  })

  test('are done on a phone, with the keyboard alone, and are then recorded', async () => {
    const page = await console.open('/approvals', { key: head, viewport: { width: 360, height: 740 } })
    const button = page.getByRole('button', { name: 'Approve window' })
    await button.focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText(/Opens port [0-9]+ from client on 2 targets/).waitFor()
    await eachView(page, 'approvals-dialog')
    await page.setViewportSize({ width: 360, height: 740 })
    await dialog.getByLabel('Why it is approved').focus()
    await page.keyboard.type('The vendor is on site')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('The window of CHG1 was approved.').waitFor()
    const { body } = await console.service.call('GET', `/v1/windows/${ids.window}`)
    expect(body).toMatchObject({ state: 'open', approvedByName: 'Head of operations' })
  })

  test('reject a waiver with a reason', async () => {
    const page = await console.open(`/waivers/${ids.waiver}`, { key: head })
    await eachView(page, 'waiver')
    await page.getByRole('button', { name: 'Reject' }).click()
    await page.getByLabel('Why it is rejected').fill('Fix it instead')
    await page.getByRole('button', { name: 'Reject waiver' }).click()
    await page.getByText('Rejected', { exact: true }).waitFor()
    await page.getByText('Fix it instead').waitFor()
  })

  test('windows are listed, run down, and end early', async () => {
    const page = await console.open('/windows')
    await page.getByRole('row', { name: /Open now.*left.*CHG4/ }).waitFor()
    await eachView(page, 'windows')
    await page.goto(`${console.url}/ui/windows/${ids.running}`)
    await settled(page)
    await eachView(page, 'window')
    await page.getByRole('button', { name: 'Cancel window' }).click()
    await page.getByLabel('Why it is canceled').fill('The vendor has left')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel window' }).click()
    await page.getByText('The window of CHG4 was canceled.').waitFor()
    const { items } = (await console.service.call('GET', '/v1/ledger?action=window.cancel')).body
    expect(items[0].payload).toMatchObject({ reason: 'The vendor has left' })
  })

  test('a waiver is requested from a finding, with its effect before', async () => {
    const { body } = await console.service.call('GET', '/v1/findings?target=epp-3&result=fail')
    const page = await console.open(`/waivers/new?finding=${body.items[0].fingerprint}`)
    await page.getByText('Accepts 1 failure on 1 target').waitFor()
    await eachView(page, 'waiver-new')
    await page.getByLabel('Reason').fill('The move')
    await page.getByRole('button', { name: 'Request waiver' }).click()
    await page.getByText('Waits for approval').waitFor()
    await page.goto(`${console.url}/ui/waivers`)
    await page.getByRole('row', { name: /Waits for approval.*The move/ }).waitFor()
    await eachView(page, 'waivers')
  })

  test('a window that cannot be requested is explained, and what was typed stays', async () => {
    const page = await console.open('/windows/new?policy=exposures&rule=must-be-unreachable&target=epp-3')
    await page.getByText(/Opens port [0-9]+ from client on 1 target/).waitFor()
    await eachView(page, 'window-new')
    await page.getByLabel('Targets').fill('nowhere')
    await page.getByText('there is no target nowhere').first().waitFor()
    expect(await page.getByLabel('Targets').inputValue()).toBe('nowhere')
  })

  test('are off in the past', async () => {
    const page = await console.open('/approvals?at=2026-01-01T00:00:00Z')
    await page.getByText('shown as they are now').waitFor()
    expect(await page.getByRole('button', { name: /Approve/ }).count()).toBe(0)
    expect(page.complaints).toEqual([])
  })
})
