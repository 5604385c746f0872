import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditTwice } from '../support/console/audited-twice.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { auditHostileEstate } from '../support/console/hostile-estate.ts'
import type { HostilePeers } from '../support/hostile-peers.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium', 'openssl'], 'the drift', () => {
  let console: TestConsole
  let peers: HostilePeers
  beforeAll(async () => {
    console = await startConsole()
    const { service } = console
    const first = await auditTwice(service)
    await service.query(`update span set to_at = to_at - interval '10 days', from_at = from_at - interval '10 days'`)
    const baseline = { name: 'approved', audit: first, reason: 'reviewed' }
    expect(await service.call('POST', '/v1/baselines', { body: baseline })).toMatchObject({ status: 201 })
    for (const [table, columns] of [
      ['audit', ['created_at', 'finished_at']],
      ['baseline', ['created_at']],
    ] as const)
      await service.query(
        `update ${table} set ${columns.map((name) => `${name} = ${name} - interval '10 days'`).join()}`,
      )
    peers = await auditHostileEstate(service)
  })
  afterAll(async () => {
    await console?.stop()
    await peers?.stop()
  })

  test('shows the nights with changes; each leads to its changes, before on the left', async () => {
    const page = await console.open('/drift?target=epp-01')
    await page.getByText('Nothing changed.', { exact: true }).waitFor()
    expect(await page.locator('.night-bars li').count()).toBe(30)
    await page.getByRole('link', { name: /[0-9] appeared/ }).click()
    await settled(page)
    expect(page.url()).toMatch(/from=.*to=/)
    await page.getByRole('link', { name: '30 days' }).click()
    await settled(page)
    expect(page.url()).not.toContain('from=')
    expect(await page.getByRole('row').count()).toBeGreaterThan(1)
    await eachView(page, 'drift')
  })

  test('since a baseline is what regressed, with the outcome before and after', async () => {
    const page = await console.open('/drift?target=epp-01')
    await page.getByLabel('Or since the baseline').selectOption('approved')
    const row = page.getByRole('row', { name: /must-be-open/ })
    await row.waitFor()
    const cells = await row.getByRole('cell').allTextContents()
    expect(cells[1]).toContain('Regressed')
    expect([cells[4], cells[5]]).toEqual([expect.stringContaining('Pass'), expect.stringContaining('Fail')])
    await page.getByRole('link', { name: /^Regressed/ }).click()
    await settled(page)
    await eachView(page, 'drift-baseline')
  })

  test('has a period with two handles, which the keyboard moves to runs and baselines', async () => {
    const page = await console.open('/drift?target=epp-01')
    const start = page.getByRole('slider', { name: 'From' })
    await start.press('Home')
    await start.press('ArrowRight')
    expect(await start.getAttribute('aria-valuetext')).toMatch(/, audit$/)
    await start.press('ArrowRight')
    await start.press('ArrowRight')
    expect(await start.getAttribute('aria-valuetext')).toMatch(/, baseline approved$/)
    await expect.poll(() => page.url()).toContain('from=baseline%3Aapproved')
    await page.getByRole('slider', { name: 'To' }).press('PageDown')
    await expect.poll(() => page.url()).toContain('to=')
    await settled(page)
    expect(page.complaints).toEqual([])
  })

  test('since a baseline is accepted into it, with a reason', async () => {
    const audit = (await console.service.call('GET', '/v1/audits')).body.items.at(-1).id
    await console.service.call('POST', '/v1/baselines', { body: { name: 'accepting', audit, reason: 'reviewed' } })
    const page = await console.open('/drift?target=epp-01&from=baseline%3Aaccepting')
    await page.getByRole('checkbox', { name: 'Select epp-01, must-be-open, from local' }).check()
    await page.getByRole('button', { name: 'Accept into baseline' }).click()
    await page.getByLabel('Reason').fill('The port is closed on purpose')
    await page.getByRole('button', { name: 'Accept', exact: true }).click()
    await page.getByText('Nothing changed.', { exact: true }).waitFor()
    const { body } = await console.service.call('GET', '/v1/baselines/accepting')
    expect(body.approvals[0]).toMatchObject({ reason: 'The port is closed on purpose', items: 1 })
    expect(page.complaints).toEqual([])
  })

  test('in the past is that of the night before', async () => {
    const page = await console.open('/drift?at=2026-01-02T00:00:00Z')
    await page.getByText(/Nothing changed from .*1 Jan.* to .*2 Jan/).waitFor()
    expect(page.complaints).toEqual([])
  })

  test('of hostile evidence shows it as text', async () => {
    const { body } = await console.service.call('GET', '/v1/audits?limit=2')
    const [to, from] = body.items.map(({ id }: { id: string }) => `audit:${id}`)
    const page = await console.open(`/drift?from=${from}&to=${to}&target=hostile`)
    const row = page.getByRole('row', { name: /ldap/ })
    expect(await row.textContent()).toMatch(/none →to .*mark[0-9]+z/)
    await eachView(page, 'drift-hostile')
  })
})
