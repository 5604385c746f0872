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

  test.each([
    ['state', 'must-be-unreachable · client (local): open: Fail, open'],
    ['age', 'must-be-unreachable · client (local): audited within a day: Fail, open'],
    ['parallax', /^must-be-unreachable · [^:]+: .*Fail, open/],
  ])('shows %s, in words too, as a table and on paper', async (mode, words) => {
    const page = await console.open(`/matrix?order=name&q=epp-07&mode=${mode}`)
    const grid = page.getByRole('grid')
    await grid.focus()
    for (let column = 0; column < 4; column++) await page.keyboard.press('ArrowRight')
    const cells = await grid.getByRole('gridcell').allTextContents()
    expect(cells).toContainEqual(typeof words === 'string' ? words : expect.stringMatching(words))
    await eachView(page, `matrix-${mode}`)
    await page.goto(`${console.url}/ui/matrix?q=epp-07&view=table&mode=${mode}`)
    await page.getByRole('row', { name: /epp-07.*Fail, open/ }).waitFor()
  })

  test('keeps its signs in forced colours, and on paper has a row for each target, with the heads on each page', async () => {
    const page = await console.open('/matrix?order=name', { forcedColors: 'active' })
    const tiles = await page.locator('.legend .tile').count()
    expect(tiles).toBe(7)
    const directory = process.env.CONSOLE_SCREENSHOTS
    if (directory) await page.screenshot({ path: `${directory}/matrix-forced.png` })
    await page.emulateMedia({ media: 'print', forcedColors: 'none' })
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(await page.locator('.paper-matrix tbody tr').count()).toBe(targets)
    const display = "getComputedStyle(document.querySelector('.paper-matrix thead')).display"
    expect(await page.evaluate(display)).toBe('table-header-group')
    if (directory) await page.screenshot({ path: `${directory}/matrix-paper.png`, fullPage: true })
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(await page.locator('.paper-matrix').count()).toBe(0)
  })

  test('has a map of all rows, which leads to them', async () => {
    const page = await console.open('/matrix?order=name', { viewport: { width: 1440, height: 900 } })
    const box = await page.locator('.matrix-map').boundingBox()
    await page.mouse.click((box?.x ?? 0) + 20, (box?.y ?? 0) + (box?.height ?? 0) - 4)
    expect(await page.evaluate<number>("document.querySelector('.matrix').scrollTop")).toBeGreaterThan(300)
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
