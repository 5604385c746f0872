import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditTwice } from '../support/console/audited-twice.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { auditHostileEstate, missingIn, takenTexts } from '../support/console/hostile-estate.ts'
import type { HostilePeers } from '../support/hostile-peers.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { policyOf } from '../support/stores.ts'

describeWithPeers(['chromium', 'openssl'], 'the flow map', () => {
  let console: TestConsole
  let peers: HostilePeers
  let ended: string
  beforeAll(async () => {
    console = await startConsole()
    const first = await auditTwice(console.service)
    ended = (await console.service.call('GET', `/v1/audits/${first}`)).body.finishedAt
    peers = await auditHostileEstate(console.service)
  })
  afterAll(async () => {
    await console?.stop()
    await peers?.stop()
  })

  test('shows each rule as an edge with its port and how it stands, and the same as a table', async () => {
    const page = await console.open('/flows?policy=ports')
    const failing = page.getByRole('link', { name: /must be open; fail, 0 of 1 pass/ })
    expect(await failing.count()).toBe(1)
    await eachView(page, 'flows')
    await page.setViewportSize({ width: 1440, height: 900 })
    const row = page.getByRole('row', { name: /Must be open/ })
    expect(await row.first().textContent()).toContain('0 of 1 pass')
    await failing.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Findings' }).waitFor()
    await page.getByText('1 of 1 checks fail').waitFor()
  })

  test('is of one target, from its page, and of a time in the past', async () => {
    const page = await console.open('/targets/epp-01')
    await page.getByRole('link', { name: 'Flow map' }).last().click()
    await page.getByRole('heading', { name: 'Flow map' }).waitFor()
    await settled(page)
    expect(await page.locator('.flow-box[data-kind=server]').textContent()).toContain('epp-01')
    const at = new Date(Date.parse(ended) + 1).toISOString()
    await page.goto(`${console.url}/ui/flows?policy=ports&at=${at}`)
    await settled(page)
    expect(await page.getByRole('link', { name: /must be open; pass, 1 of 1 pass/ }).count()).toBe(1)
  })

  test('of a draft is drawn from stored facts, and says what is wrong with it', async () => {
    const page = await console.open('/flows?show=draft')
    await page.getByLabel('Policy document in YAML').fill('name: p')
    await page.getByRole('button', { name: 'Show the flows' }).click()
    await page.getByText('/document/rules').waitFor()
    expect(page.complaints.splice(0)).toHaveLength(1) // the browser reports the 422
    const draft = JSON.stringify({ ...policyOf('draft', 'one', 'two'), title: 'The draft' })
    await page.getByLabel('Policy document in YAML').fill(draft)
    await page.getByRole('button', { name: 'Show the flows' }).click()
    await page.getByRole('heading', { name: 'The draft' }).waitFor()
    expect(await page.locator('.flow-lane').count()).toBe(2)
    await eachView(page, 'flows-draft')
  })

  test('shows hostile texts as text', async () => {
    const page = await console.open('/flows?policy=peers')
    expect(await missingIn(page, takenTexts)).toEqual([])
    await eachView(page, 'flows-hostile')
  })

  test('is printed on A4 landscape, the picture on one page', async () => {
    const page = await console.open('/flows?policy=ports')
    await page.locator('.flow-map').first().waitFor()
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
    const [, width, height] = /\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(pdf) ?? []
    expect([Math.round(Number(width)), Math.round(Number(height))]).toEqual([842, 595])
  })

  test('of a time without policies says so', async () => {
    const page = await console.open('/flows?at=2020-01-01T00:00:00Z')
    await page.getByText('There was no such policy at that time.').waitFor()
  })
})
