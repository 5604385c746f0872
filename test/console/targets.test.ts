import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditTwice } from '../support/console/audited-twice.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { auditHostileEstate, missingIn, takenTexts } from '../support/console/hostile-estate.ts'
import type { HostilePeers } from '../support/hostile-peers.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium', 'openssl'], 'the targets', () => {
  let console: TestConsole
  let peers: HostilePeers
  beforeAll(async () => {
    console = await startConsole()
    const { service } = console
    await auditTwice(service)
    await service.query(`with moved as (
        update span set from_at = from_at - interval '25 days', to_at = to_at - interval '10 days' where to_at is not null returning series_id)
      update span set from_at = from_at - case when series_id in (select series_id from moved) then interval '10 days' else interval '25 days' end
      where to_at is null`)
    peers = await auditHostileEstate(service)
  })
  afterAll(async () => {
    await console?.stop()
    await peers?.stop()
  })

  test('are found by a part of their name, and lead to their pages', async () => {
    const page = await console.open('/targets')
    await page.getByLabel('Search').fill('EPP')
    await expect.poll(() => page.getByRole('row').count()).toBe(2)
    await eachView(page, 'targets')
    await page.getByRole('link', { name: 'epp-01' }).click()
    await page.getByText('1 of 3 checks fails').waitFor()
  })

  test('have a page with a lane for each rule, whose cursor shows what was true', async () => {
    const page = await console.open('/targets/epp-01')
    const lane = page.locator('.lane', { hasText: 'must-be-open' })
    expect(await lane.locator('.verdict').textContent()).toBe('Fail')
    await eachView(page, 'target')
    await page.getByRole('slider', { name: 'Time of the cursor' }).fill('500') // 15 of 30 days
    expect(await lane.locator('.verdict').textContent()).toBe('Pass')
    await page.getByRole('slider', { name: 'Time of the cursor' }).fill('50')
    await page.locator('.lanes-card').getByText('nothing checked').waitFor()
    await page.getByRole('slider', { name: 'Time of the cursor' }).fill('500')
    await page.getByRole('link', { name: 'Show every page at this time' }).click()
    await settled(page)
    await page.getByText('Nothing fails, 1 is not known').waitFor()
    expect(await page.getByRole('link', { name: 'Audit now' }).count()).toBe(0)
  })

  test('have lanes whose range is chosen by keyboard or by dragging, to be seen closer, or as drift', async () => {
    const page = await console.open('/targets/epp-01', { viewport: { width: 1440, height: 900 } })
    await page.getByRole('img', { name: /^Audits: 2, newest today/ }).waitFor()
    await page.getByRole('img', { name: /^Policy versions: 1/ }).waitFor()
    const start = page.getByRole('slider', { name: 'From' })
    for (let days = 0; days < 3; days++) await start.press('PageUp')
    await page.getByRole('link', { name: 'Zoom in' }).click()
    await settled(page)
    const daysOf = (url: string) => {
      const [from, to] = ['from', 'to'].map((name) => Date.parse(new URL(url).searchParams.get(name) ?? ''))
      return ((to ?? 0) - (from ?? 0)) / 86_400_000
    }
    expect(daysOf(page.url())).toBeCloseTo(27, 1)
    await eachView(page, 'target-zoomed')
    await page.setViewportSize({ width: 1440, height: 900 })
    const box = await page.locator('.lane', { hasText: 'must-be-open' }).locator('.lane-bar').boundingBox()
    const { x, y, width } = { x: 0, y: 0, width: 0, ...box }
    await page.mouse.move(x + width / 3, y + 8)
    await page.mouse.down()
    await page.mouse.move(x + (width * 2) / 3, y + 8, { steps: 4 })
    await page.mouse.up()
    await page.getByRole('link', { name: 'What changed in this range' }).click()
    await page.getByRole('heading', { name: 'Drift' }).waitFor()
    expect([new URL(page.url()).searchParams.get('target'), daysOf(page.url()) < 10]).toEqual(['epp-01', true])
    await page.goBack()
    await page.getByRole('link', { name: 'Zoom out' }).click()
    await expect.poll(() => page.url()).not.toContain('from=')
  })

  test('show certificate, ladder and hostile texts as text', async () => {
    const page = await console.open('/targets/hostile')
    expect(await missingIn(page, takenTexts)).toEqual([])
    expect(await page.getByText(/ days? left/).count()).toBe(1)
    expect(await page.locator('.ladder li').allTextContents()).toMatchObject({ length: 7 })
    expect(await page.locator('.ladder [data-result=fail] span').first().textContent()).toBe('Is Active Directory')
    await eachView(page, 'target-hostile')
  })

  test('that were not audited say so', async () => {
    await console.service.call('POST', '/v1/targets', { body: { name: 'new', address: '127.0.0.1' } })
    const page = await console.open('/targets/new')
    await page.getByText('The target was not audited yet.').waitFor()
    await page.getByRole('link', { name: 'Audit now' }).click()
    expect(await page.getByLabel('Targets').inputValue()).toBe('new')
  })
})
