import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { listenSilently, ports } from '../support/app.ts'
import { type ConsolePage, eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'

const hostile = `<script>alert(1)</script> <img src=x onerror='alert(1)'>`

/** The number of pages of a printed page, whose tables repeat their heads and cut no row, and of which nothing is outside of the paper. */
async function pagesOnPaper(page: ConsolePage, name: string, format: 'A4' | 'Letter'): Promise<number> {
  await page.setViewportSize({ width: format === 'A4' ? 688 : 710, height: 900 }) // without the margins, at 96 dpi
  await page.emulateMedia({ media: 'print' })
  const problems = await page.evaluate<string[]>(`(() => {
    const style = (selector, name, value) => [...document.querySelectorAll(selector)]
      .filter((one) => getComputedStyle(one)[name] !== value).map(() => selector + ' has not ' + name + ' ' + value)
    const wide = document.documentElement.scrollWidth - innerWidth
    return [
      ...style('thead', 'display', 'table-header-group'), ...style('tbody tr', 'breakInside', 'avoid'),
      ...style('.header, .rail, .actions, .filters', 'display', 'none'), ...(wide > 0 ? [wide + ' px too wide'] : []),
    ]
  })()`)
  expect(problems).toEqual([])
  const directory = process.env.CONSOLE_SCREENSHOTS
  const pdf = await page.pdf({
    format,
    preferCSSPageSize: true,
    ...(directory && { path: `${directory}/${name}-${format}.pdf` }),
  })
  await page.emulateMedia({ media: null })
  return pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
}

describeWithPeers(['chromium'], 'the pages that prove', () => {
  let console: TestConsole
  let open: Listening
  let before: string
  beforeAll(async () => {
    console = await startConsole()
    open = await listenSilently()
    const { service } = console
    const controls = [['PCI-DSS-4.0.1:1.2.5'], ['NIST-800-53:AC-17', 'PCI-DSS-4.0.1:1.2.5'], ['ACME:7'], []]
    const policy: PolicyDocument = {
      ...ports,
      rules: ports.rules.map((rule, i) => ({
        ...rule,
        title: `${rule.title} ${hostile}`,
        controls: controls[i] ?? [],
      })),
    }
    expect((await service.call('PUT', '/v1/policies/ports', { body: policy })).status).toBe(201)
    const audit = async (closedPort: number, correlationId?: string) =>
      service.ended(
        await service.accept({
          targets: [{ name: 'epp-01', address: '127.0.0.1', params: { openPort: open.port, closedPort } }],
          ...(correlationId && { correlationId }),
          reason: hostile,
        }),
      )
    before = (await audit(1)).finishedAt ?? ''
    const many = Array.from({ length: 60 }, (_, i) => ({ name: `srv-${i}`, address: '127.0.0.1' }))
    await service.ended(await service.accept({ targets: many, params: { openPort: open.port, closedPort: open.port } }))
    await audit(1, 'CHG0030001')
    await audit(open.port, 'CHG0030001')
  })
  afterAll(async () => {
    await console?.stop()
    await open?.close()
  })

  test('/controls opens to rules and their failures, and compares with an earlier time', async () => {
    const page = await console.open(`/controls?control=PCI-DSS-4.0.1%3A1.2.5&before=${before}`)
    await page.getByText('before:').first().waitFor()
    const control = page.locator('.control[open]')
    expect(await control.locator('summary').textContent()).toContain('1.2.5')
    await eachView(page, 'controls')
    await control
      .getByRole('row', { name: /must-be-unreachable/ })
      .getByRole('link', { name: '61' })
      .click()
    await page.getByRole('heading', { name: 'Findings' }).waitFor()
    await page.getByRole('link', { name: 'epp-01' }).first().waitFor()
  })

  test('the controls of a rule lead to /controls', async () => {
    const page = await console.open('/policies/ports')
    await page.getByRole('link', { name: 'NIST-800-53:AC-17' }).click()
    await settled(page)
    expect(await page.locator('.control[open] summary').textContent()).toContain('AC-17')
  })

  test.each([
    ['compliance', 1, /^[0-9]+ of [0-9]+ checked: .* 61 checks fail/],
    ['failures', 3, /^61 failures of 1 rule on 61 targets/],
    ['digest', 1, /^[0-9]+ .* since .* 4 audits ended\. Of [0-9]+ checks, 61 fail/],
    ['controls', 1, /^Of [0-9]+ controls, 2 fail, 0 are proven, (?:1 is|[0-9]+ are) not fully tested/],
  ])('/reports/%s says what it covers, on what it rests, and fits on paper', async (name, least, cover) => {
    const page = await console.open('/reports')
    await page.locator(`a[href$="/reports/${name}"]`).click()
    if (name === 'digest') await page.goto(`${page.url()}?from=${new Date(Date.now() - 86_400_000).toISOString()}`)
    await settled(page)
    expect(await page.locator('.lead').textContent()).toMatch(cover)
    const { head, hash } = (await console.service.call('GET', '/v1/ledger/head')).body
    expect(await page.getByText(head).count()).toBe(1)
    await eachView(page, `report-${name}`)
    for (const format of ['A4', 'Letter'] as const) {
      const pages = await pagesOnPaper(page, name, format)
      expect([format, pages >= least && pages <= least + 2, pages]).toEqual([format, true, pages])
    }
    expect(
      await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper-foot')"),
    ).toContain(hash.slice(0, 16))
  })

  test('/unknown says what is not known by cause, and leads to the findings and the next step', async () => {
    const { service } = console
    await service.call('POST', '/v1/targets', { body: { name: 'new-01', address: '127.0.0.1' } })
    await service.query(`INSERT INTO schedule_run (schedule_id, due_at, schedule, policy, outcome, reason, decided_at)
      VALUES (7, now() - interval '1 day', 'nightly', 'ports', 'missed', '${hostile.replaceAll("'", "''")}', now())`)
    const page = await console.open('/')
    await page.getByRole('link', { name: 'By cause, with the next step for each' }).click()
    await page.getByText('1 target was never audited, and 1 run of a schedule had no audit.').waitFor()
    await settled(page)
    expect(await page.getByText(hostile).count()).toBe(1)
    expect(await page.getByRole('row', { name: /from-elsewhere.*61 checks/ }).count()).toBe(1)
    await eachView(page, 'unknown')
    for (const format of ['A4', 'Letter'] as const) expect(await pagesOnPaper(page, 'unknown', format)).toBe(2)
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.getByRole('link', { name: 'No vantage in the zone' }).click()
    await page.getByRole('link', { name: '53 more' }).click()
    await page.getByText('61 on this page').waitFor()
    await eachView(page, 'unknown-targets')
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.goBack()
    await page.getByRole('link', { name: '61 checks' }).click()
    await page.getByText('from-elsewhere').first().waitFor()
    await page.goto(`${console.url}/ui/unknown?at=2026-01-01T00:00:00Z`)
    await page.getByText('Every check of every target has a conclusive outcome').waitFor()
  })

  test('/tickets/ID says whether the ticket can be closed, what happened, and what changed', async () => {
    const page = await console.open('/tickets/CHG0030001')
    await page.getByText('In the newest audit 1 check fails.').waitFor()
    expect(await page.getByRole('row', { name: /must-be-unreachable/ }).textContent()).toContain('Pass')
    expect(await page.locator('ol.changes > li').count()).toBe(4)
    await eachView(page, 'ticket')
    for (const format of ['A4', 'Letter'] as const) {
      const pages = await pagesOnPaper(page, 'ticket', format)
      expect([format, pages >= 1 && pages <= 3, pages]).toEqual([format, true, pages])
    }
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.getByRole('link', { name: 'Audit again' }).click()
    await expect.poll(() => page.getByLabel('Ticket').inputValue()).toBe('CHG0030001')
    expect(await page.getByLabel('Targets').inputValue()).toBe('epp-01')
    await page.goto(`${console.url}/ui/tickets/CHG9`)
    await page.getByText('Nothing has this number.').waitFor()
  })
})
