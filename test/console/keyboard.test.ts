import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently, ports } from '../support/app.ts'
import { type ConsolePage, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { isFocused, onTitle, tabTo } from '../support/console/keyboard.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium'], 'by keyboard alone a person can', () => {
  let console: TestConsole
  let open: Listening
  beforeAll(async () => {
    console = await startConsole()
    open = await listenSilently()
    const { service } = console
    const rules = ports.rules.map((rule) => ({ ...rule, remediation: `How ${rule.id} is fixed.` }))
    await service.call('PUT', '/v1/policies/ports', { body: { ...ports, rules } })
    const targets = Array.from({ length: 120 }, (_, index) => ({ name: `epp-${index}`, address: '127.0.0.1' }))
    const params = { openPort: open.port, closedPort: open.port }
    await service.ended(await service.accept({ targets, params }))
  })
  afterAll(async () => {
    await console?.stop()
    await open?.close()
  })

  const link = (page: ConsolePage, name: string | RegExp) => page.getByRole('main').getByRole('link', { name }).first()
  const button = (page: ConsolePage, name: string | RegExp) => page.getByRole('button', { name })

  test('sign in, and sign out', async () => {
    const page = await console.open('/', { key: null })
    await tabTo(page, page.getByLabel('Key'))
    await page.keyboard.type(console.service.key)
    await page.keyboard.press('Enter')
    await onTitle(page, 'Overview')
    await page.keyboard.press('Shift+Tab')
    await tabTo(page, page.locator('.user-menu > summary'))
    await page.keyboard.press('Enter')
    await tabTo(page, button(page, 'Sign out'))
    await page.keyboard.press('Enter')
    await page.getByLabel('Key').waitFor()
  })

  test('find a failure from the overview, and read how it is fixed', async () => {
    const page = await console.open('/')
    await page.keyboard.press('Tab')
    expect(await isFocused(page.getByRole('link', { name: 'Skip to the content' }))).toBe(true)
    await page.keyboard.press('Enter')
    await tabTo(page, link(page, '120'))
    await page.keyboard.press('Enter')
    await onTitle(page, 'Findings')
    await tabTo(page, link(page, 'must-be-unreachable'))
    await page.keyboard.press('Enter')
    await onTitle(page, /must-be-unreachable/)
    await page.getByText('How must-be-unreachable is fixed.').waitFor()
    await tabTo(page, button(page, 'How do we know?'))
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => isFocused(button(page, 'How do we know?'))).toBe(true)
    expect(page.complaints).toEqual([])
  })

  test('filter the findings, turn the page, and copy the link', async () => {
    const page = await console.open('/findings', { permissions: ['clipboard-read', 'clipboard-write'] })
    await tabTo(page, button(page, 'Skip the 100 rows'))
    await page.keyboard.press('Enter')
    expect(await isFocused(link(page, 'Next page'))).toBe(true)
    await page.keyboard.press('Enter')
    const table = page.getByRole('table')
    await expect.poll(() => isFocused(table)).toBe(true)
    await page.keyboard.press('/')
    await page.keyboard.type('epp-11')
    await expect.poll(() => page.getByRole('row').count()).toBe(12)
    await tabTo(page, page.getByRole('link', { name: /^Failing/ }))
    await tabTo(page, button(page, 'Copy link'))
    await page.keyboard.press('Enter')
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`${console.url}/ui/findings?q=epp-11`)
    await page.goto(`${console.url}/ui/findings?label=site%3Ahq`)
    await tabTo(page, page.getByRole('link', { name: 'Remove the filter site:hq' }))
    await page.keyboard.press('Enter')
    await onTitle(page, 'Findings')
  })

  test('walk the matrix, and open a cell', async () => {
    const page = await console.open('/')
    await page.keyboard.press('g')
    await page.keyboard.press('m')
    await onTitle(page, 'Matrix')
    await tabTo(page, page.getByRole('grid'))
    for (const key of ['ArrowDown', 'PageDown', 'End', 'ArrowLeft', 'ArrowLeft', 'ArrowLeft'])
      await page.keyboard.press(key)
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await onTitle(page, /^epp-[0-9]+: /)
    expect(page.complaints).toEqual([])
  })

  test('go to past runs and back', async () => {
    const { call, query } = console.service
    const audit = { policy: 'ports', targets: ['epp-1'], params: { openPort: open.port, closedPort: open.port } }
    for (const name of ['nightly', 'other'])
      await call('POST', '/v1/schedules', { body: { name, cron: '30 2 * * *', audit } })
    await query(`with run as (
        insert into audit select (json_populate_record(a, json_build_object('id', gen_random_uuid(),
          'created_at', now() - make_interval(days => day), 'finished_at', now() - make_interval(days => day, mins => -5)))).*
        from audit a, generate_series(1, 3) as day returning id, created_at)
      insert into schedule_run (schedule_id, due_at, schedule, policy, outcome, decided_at, audit_id)
        select s.id, run.created_at, s.name, 'ports', 'audit', now(), run.id from schedule s, run where s.name = 'nightly'`)
    const page = await console.open('/targets')
    const daysAgo = () =>
      Math.round((Date.now() - Date.parse(new URL(page.url()).searchParams.get('at') ?? '')) / 864e5)
    for (const [key, days] of [
      ['[', 1],
      ['[', 2],
      ['[', 3],
      [']', 2],
      [']', 1],
    ] as const) {
      await page.keyboard.press(key)
      await expect.poll(daysAgo).toBe(days)
    }
    await page.keyboard.press(']')
    await page.getByText('You see what was known on').waitFor({ state: 'detached' })
    await page.keyboard.press('[')
    await tabTo(page, page.getByRole('link', { name: 'Back to now' }))
    await page.keyboard.press('Enter')
    await onTitle(page, 'Targets')
  })

  test('read what was true of a target at a time, in its lanes', async () => {
    const page = await console.open('/targets/epp-7')
    await tabTo(page, page.getByRole('slider').first())
    await page.keyboard.press('Home')
    await page.getByText('nothing checked').first().waitFor()
    await page.keyboard.press('End')
    await page.getByText('1 fail, 1 pass').waitFor()
  })

  test('start an audit, see its end, and verify the ledger that has it', async () => {
    const page = await console.open('/audits')
    await tabTo(page, link(page, 'New audit'))
    await page.keyboard.press('Enter')
    await onTitle(page, 'New audit')
    await tabTo(page, page.getByLabel('Policy'))
    await page.keyboard.type('Ports')
    await tabTo(page, page.getByLabel('Targets'))
    await page.keyboard.type('epp-7')
    for (const [name, value] of [
      ['openPort', open.port],
      ['closedPort', 1],
    ] as const) {
      await tabTo(page, page.getByLabel(name))
      await page.keyboard.type(`${value}`)
    }
    await tabTo(page, button(page, 'Start audit'))
    await page.keyboard.press('Enter')
    await onTitle(page, 'Audit')
    await page.getByText('Everything that was checked complies.').waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('l')
    await onTitle(page, 'Ledger')
    const verify = button(page, 'Verify the ledger')
    await tabTo(page, verify)
    await page.keyboard.press('Enter')
    await page.getByText('Intact', { exact: true }).waitFor()
    await expect.poll(() => isFocused(verify)).toBe(true)
    expect(page.complaints).toEqual([])
  })

  test('list the shortcuts, and switch off those of a single key', async () => {
    const page = await console.open('/targets')
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await tabTo(page, page.getByRole('checkbox', { name: 'Shortcuts are on' }))
    await page.keyboard.press('Space')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    for (const key of ['[', '/', '?', 'g', 'm']) await page.keyboard.press(key)
    await page.reload()
    await settled(page)
    await page.keyboard.press('?')
    await tabTo(page, page.locator('.user-menu > summary'))
    await page.keyboard.press('Enter')
    expect([page.url(), await page.getByRole('dialog').count()]).toEqual([`${console.url}/ui/targets`, 0])
    await tabTo(page, button(page, 'Keyboard shortcuts'))
    await page.keyboard.press('Enter')
    await tabTo(page, page.getByRole('checkbox', { name: 'Shortcuts are on' }))
    await page.keyboard.press('Space')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.keyboard.press('g')
    await page.keyboard.press('o')
    await onTitle(page, 'Overview')
  })

  test('leave a menu: it closes when the focus is elsewhere', async () => {
    const page = await console.open('/targets')
    const menu = page.locator('.user-menu > summary')
    await tabTo(page, menu)
    await page.keyboard.press('Enter')
    await tabTo(page, link(page, 'epp-0'))
    expect(await page.locator('.menu[open]').count()).toBe(0)
  })

  test('use the shortcuts after a choice, and with AltGr, as many keyboards write [', async () => {
    const page = await console.open('/findings')
    const filter = page.getByRole('checkbox', { name: /from-elsewhere/ })
    if ((await filter.count()) > 0) await filter.focus()
    await page.keyboard.down('AltGraph')
    await page.keyboard.press('[')
    await page.keyboard.up('AltGraph')
    await page.getByText('You see what was known on').waitFor()
  })
})
