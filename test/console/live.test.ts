import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { eachView, startConsole, type TestConsole } from '../support/console/console.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium'], 'new results', () => {
  let console: TestConsole
  let open: Listening
  beforeAll(async () => {
    console = await startConsole()
    open = await listenSilently()
  })
  afterAll(async () => {
    await console?.stop()
    await open?.close()
  })
  const audit = async (closedPort: number) => {
    const params = { openPort: open.port, closedPort }
    const { service } = console
    await service.ended(await service.accept({ targets: [{ name: 'epp-01', address: '127.0.0.1', params }] }))
  }

  test('are offered in a corner, and shown when a person wants it; the wall shows them by itself', async () => {
    const page = await console.open('/audits', { live: true })
    const wall = await console.open('/wall', { live: true })
    await page.getByText('There are no audits.').waitFor()
    await wall.getByText('Nothing was checked').waitFor()
    await audit(1)
    const offer = page.getByRole('button', { name: 'A new audit has ended: show' })
    await offer.waitFor()
    expect(await page.getByText('There are no audits.').count()).toBe(1)
    await offer.click()
    await page.getByRole('row', { name: /Inconclusive|Pass/ }).waitFor()
    await offer.waitFor({ state: 'detached' })
    await wall.getByText('Nothing fails').waitFor()
    await audit(open.port)
    await wall.getByText('1 check fails').waitFor()
    expect([page.complaints, wall.complaints]).toEqual([[], []])
  })

  test('the wall fills the window, and is accessible in every view', async () => {
    const page = await console.open('/wall')
    expect(await page.getByRole('navigation', { name: 'Pages' }).count()).toBe(0)
    await eachView(page, 'wall')
  })

  test('a control report compares with an earlier time, before on the left', async () => {
    const before = new Date(Date.now() - 86_400_000).toISOString()
    const page = await console.open(`/reports/controls?before=${before}`)
    const heads = await page.locator('th').allTextContents()
    if (heads.length > 0) expect(heads.indexOf('Before')).toBe(heads.indexOf('Now') - 1)
    await page.getByText(/Since .* (nothing changed|controls? (is|are))/).waitFor()
  })
})
