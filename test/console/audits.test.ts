import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { eachView, startConsole, type TestConsole } from '../support/console/console.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium'], 'the audits', () => {
  let console: TestConsole
  let open: Listening
  let ended: string
  beforeAll(async () => {
    console = await startConsole()
    open = await listenSilently()
    ended = await console.service.accept({
      targets: [{ name: 'epp-01', address: '127.0.0.1', params: { openPort: open.port, closedPort: open.port } }],
      correlationId: 'CHG0030001',
      reason: 'Firewall change at headquarters',
    })
    await console.service.ended(ended)
  })
  afterAll(async () => {
    await console?.stop()
    await open?.close()
  })

  test('are listed, with a link to each', async () => {
    const page = await console.open('/audits')
    await eachView(page, 'audits')
    await page.getByRole('row').nth(1).getByRole('link').first().click()
    await page.getByText('1 check fails.').waitFor()
  })

  test('that ended show verdict, findings and downloads', async () => {
    const page = await console.open(`/audits/${ended}`)
    await eachView(page, 'audit-ended')
    await page.getByRole('combobox', { name: 'Result' }).selectOption('fail')
    const findings = page.getByRole('table', { name: 'Findings by target' })
    await expect.poll(() => findings.getByRole('row').count()).toBe(2)
  })

  test('that cannot run yet show that they wait, and can be canceled', async () => {
    const id = await console.service.accept(
      { targets: [{ name: 'epp-02', address: '127.0.0.1', params: { openPort: 1, closedPort: 1 } }] },
      new Date(Date.now() + 3_600_000),
    )
    const page = await console.open(`/audits/${id}`)
    await page.getByText('Waits to start.').waitFor()
    await eachView(page, 'audit-waiting')
    await page.getByRole('button', { name: 'Cancel audit' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Why it is canceled').fill('Called off')
    await dialog.getByRole('button', { name: 'Cancel audit' }).click()
    await page.getByText('The audit was canceled before its end.').waitFor()
    const { items } = (await console.service.call('GET', '/v1/ledger?action=audit.cancel')).body
    expect(items.map(({ subject, payload }: Record<string, unknown>) => [subject, payload])).toEqual([
      [id, { reason: 'Called off' }],
    ])
  })

  test('say for which vantage they wait, and how long', async () => {
    const { service } = console
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['client'] } })
    const id = await service.accept({
      targets: [{ name: 'epp-04', address: '127.0.0.1', params: { openPort: open.port, closedPort: 1 } }],
    })
    const page = await console.open(`/audits/${id}`, { live: true })
    await page.getByText(/Waits for the vantage branch, which was never seen, up to [0-9]+ s\. Then/).waitFor()
    await eachView(page, 'audit-waiting-vantage')
    await service.call('POST', `/v1/audits/${id}/cancel`)
    await service.call('DELETE', '/v1/vantages/branch')
  })

  test('start from the form by keyboard alone, and show their end by themselves', async () => {
    const page = await console.open('/audits/new')
    await page.getByLabel('Policy').selectOption('ports')
    await eachView(page, 'audit-new')
    await page.getByLabel('Targets').focus()
    await page.keyboard.type('epp-03 127.0.0.1')
    for (const [name, value] of [
      ['openPort', String(open.port)],
      ['closedPort', '1'],
    ]) {
      const field = page.locator(':focus').and(page.getByLabel(name ?? ''))
      for (let tabs = 0; tabs < 5 && (await field.count()) === 0; tabs++) await page.keyboard.press('Tab')
      await page.keyboard.type(value ?? '')
    }
    await page.keyboard.press('Enter')
    await page.getByText('Everything that was checked complies.').waitFor()
  })

  test('that a policy refuses are explained at the form, whose content stays', async () => {
    const page = await console.open('/audits/new?target=epp-01&policy=ports')
    await page.getByLabel('Targets').fill('site=nowhere')
    await page.getByRole('button', { name: 'Start audit' }).click()
    await page.getByRole('alert').waitFor()
    expect(await page.getByLabel('Targets').inputValue()).toBe('site=nowhere')
  })
})
