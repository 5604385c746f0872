import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'

const targets = 60

describeWithPeers(['chromium'], 'the matrix', () => {
  let console: TestConsole
  let open: Listening
  beforeAll(async () => {
    console = await startConsole()
    open = await listenSilently()
    const name = (index: number) => `epp-${String(index).padStart(2, '0')}`
    const id = await console.service.accept({
      targets: Array.from({ length: targets }, (_, index) => ({
        ...{ name: name(index), address: '127.0.0.1' },
        params: { openPort: open.port, closedPort: index % 20 === 7 ? open.port : 1 },
      })),
    })
    await console.service.ended(id)
  })
  afterAll(async () => {
    await console?.stop()
    await open?.close()
  })

  test('shows all targets, and is accessible in every view', async () => {
    const page = await console.open('/matrix')
    await page.getByText('3 of 180 checks fail on 60 targets, in 4 columns').waitFor()
    await eachView(page, 'matrix')
  })

  test('is walked by keyboard alone: the cell is said in words, and Enter opens its finding', async () => {
    const page = await console.open('/matrix?order=name')
    const grid = page.getByRole('grid')
    await grid.focus()
    const said = async () => {
      const id = await grid.getAttribute('aria-activedescendant')
      return page.locator(`[id="${id}"]`).textContent()
    }
    for (let downs = 0; downs < 7; downs++) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowLeft')
    await expect.poll(said).toBe('epp-07')
    while (!(await said())?.startsWith('must-be-unreachable')) await page.keyboard.press('ArrowRight')
    expect(await said()).toBe('must-be-unreachable · client (local): Fail, open')
    await page.keyboard.press('Control+End')
    await expect.poll(() => page.locator('.matrix-active').textContent()).toContain('epp-59')
    expect(await page.evaluate("document.querySelector('.matrix').scrollTop")).toBeGreaterThan(100)
    await page.keyboard.press('Control+Home')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'epp-00', exact: true }).waitFor()
  })

  test('a click on a cell opens its finding, one on a head the findings of the rule', async () => {
    const page = await console.open('/matrix')
    await page.locator('.matrix-size').click({ position: { x: 208 + 28 * 2 + 10, y: 176 + 10 } })
    await page.getByText(/is open from client \(local\); it must be closed or filtered/).waitFor()
    await page.goBack()
    await settled(page)
    await page.locator('.matrix-size').click({ position: { x: 208 + 28 * 2 + 10, y: 60 } })
    await page.getByText('3 of 60 checks fail').waitFor()
  })

  test('as a table has the same in words, a page at a time', async () => {
    const page = await console.open('/matrix?view=table&result=fail')
    await expect.poll(() => page.getByRole('row').count()).toBe(4)
    expect(await page.getByRole('row', { name: /epp-07/ }).textContent()).toContain('Fail, open')
    await eachView(page, 'matrix-table')
  })

  test('of 10,000 targets and 30 columns has few elements, wherever it is scrolled to', async () => {
    const page = await console.open('/')
    const columns = Array.from({ length: 30 }, (_, index) => ({
      ...{ policy: 'p', rule: `rule-${index}`, vantage: 'local', zones: ['client'], severity: 'high' },
    }))
    const rows = Array.from({ length: 10_000 }, (_, index) => [`t${index}`, 'pofcu-noPo'.repeat(6)])
    const counts = { pass: 0, fail: 0, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }
    const totals = { targets: 10_000, waived: 0, counts, columns: columns.map(() => counts) }
    const body = JSON.stringify({ at: new Date().toISOString(), columns, rows, totals, next: null })
    await page.route('**/v1/reports/matrix*', (route) => route.fulfill({ body, contentType: 'application/json' }))
    await page.goto(`${console.url}/ui/matrix`)
    await settled(page)
    await page.getByRole('grid').focus()
    await page.keyboard.press('Control+End')
    await page.getByText('t9999').first().waitFor()
    expect(await page.evaluate<number>("document.querySelectorAll('*').length")).toBeLessThan(1500)
  })

  test('of the past, or with filters that nothing has, says so', async () => {
    const page = await console.open('/matrix?at=2026-01-01T00:00:00Z')
    await page.getByText('There is nothing to show.').waitFor()
  })
})
