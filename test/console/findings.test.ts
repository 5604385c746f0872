import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently, ports } from '../support/app.ts'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { auditHostileEstate, missingIn, takenTexts } from '../support/console/hostile-estate.ts'
import { type HostilePeers, isHeaderText, isLineText, isNameText } from '../support/hostile-peers.ts'
import { hostileTexts } from '../support/hostile-texts.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'

describeWithPeers(['chromium', 'openssl'], 'the findings', () => {
  let console: TestConsole
  let open: Listening
  let peers: HostilePeers
  const fingerprints = new Map<string, string>()
  beforeAll(async () => {
    console = await startConsole()
    const { service } = console
    open = await listenSilently()
    const [rule, unreachable, ...rules] = ports.rules
    const texts = { title: 'Telnet is closed', rationale: 'Telnet sends passwords in clear.', remediation: 'Stop it.' }
    const body = { ...ports, rules: [rule, { ...unreachable, ...texts }, ...rules] }
    await service.call('PUT', '/v1/policies/ports', { body })
    for (const name of ['epp-01', 'epp-02']) {
      const params = { openPort: name === 'epp-01' ? open.port : 1, closedPort: open.port }
      const labels = { site: name === 'epp-01' ? 'hq' : 'branch' }
      await service.ended(await service.accept({ targets: [{ name, address: '127.0.0.1', labels, params }] }))
    }
    peers = await auditHostileEstate(service)
    const { body: list } = await service.call('GET', '/v1/findings?limit=1000')
    for (const { target, rule: id, fingerprint } of list.items) fingerprints.set(`${target} ${id}`, fingerprint)
  })
  afterAll(async () => {
    await console?.stop()
    await Promise.all([open?.close(), peers?.stop()])
  })

  test('that fail are listed first, with counts to choose from', async () => {
    // A zone whose times are as long as those of another year.
    const page = await console.open('/findings?policy=ports', {
      viewport: { width: 1440, height: 900 },
      timezoneId: 'Asia/Kathmandu',
    })
    await eachView(page, 'findings')
    await page.getByText('3 of 8 checks fail').waitFor()
    expect(await page.getByRole('row').count()).toBe(4)
    await page.getByRole('checkbox', { name: /^must-be-open/ }).check()
    await expect.poll(() => page.getByRole('row').count()).toBe(2)
    expect(page.url()).toContain('rule=must-be-open')
    await page.goBack()
    await expect.poll(() => page.getByRole('row').count()).toBe(4)
  })

  test('that are selected become text for a ticket, or another audit', async () => {
    const page = await console.open('/findings?policy=ports&group=rule', {
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await page.locator('.group > summary', { hasText: 'must-be-unreachable 2' }).click()
    await page.getByRole('checkbox', { name: /^Select epp-01/ }).check()
    await page.getByRole('checkbox', { name: /^Select epp-02/ }).check()
    await page.getByText('2 selected').waitFor()
    await page.getByRole('button', { name: 'Copy as ticket text' }).click()
    await page.getByText('Copied').waitFor()
    const text = await page.evaluate<string>('navigator.clipboard.readText()')
    expect(text).toMatch(
      /\[high\] epp-01: Telnet is closed\n {2}fail: port [0-9]+ is open from client \(local\), must be closed or filtered/,
    )
    expect(text).toContain(`${console.url}/ui/findings/${fingerprints.get('epp-02 must-be-unreachable')}`)
    await page.getByRole('link', { name: 'Audit again' }).click()
    await expect
      .poll(async () => (await page.getByLabel('Targets').inputValue()).split('\n').toSorted())
      .toEqual(['epp-01', 'epp-02'])
    expect(page.complaints).toEqual([])
  })

  test('are grouped by what they share', async () => {
    const page = await console.open('/findings?policy=ports&group=label')
    await page.locator('.group > summary', { hasText: 'site = branch' }).click()
    await page
      .getByRole('row', { name: /epp-02/ })
      .first()
      .waitFor()
    await eachView(page, 'findings-grouped')
    for (const group of ['target', 'reason']) {
      await page.getByLabel('Group by').selectOption(group)
      await expect.poll(() => page.url()).toContain(`group=${group}`)
      await page.locator('.group > summary').first().click()
      await page.getByRole('row', { name: /epp-0/ }).first().waitFor()
    }
    expect(page.complaints).toEqual([])
  })

  test('that are not known, and those that a waiver accepts, have tabs of their own', async () => {
    const page = await console.open('/findings?policy=ports&show=unknown')
    expect(await page.getByRole('row', { name: /elsewhere \(no vantage\)/ }).count()).toBe(2)
    await page.getByRole('link', { name: /Waived/ }).click()
    await page.getByText('No finding has these filters.').waitFor()
  })

  test('are a fix list: one change for all hosts that need it', async () => {
    const page = await console.open('/findings?policy=ports&show=fix')
    await page.getByText('2 changes end all 3 failures.').waitFor()
    await page.getByText(/client \(local\).*2 hosts :[0-9]+ must be closed or filtered/).waitFor()
    await eachView(page, 'fix-list')
  })

  test('in the past are those of that time', async () => {
    const page = await console.open('/findings?at=2026-01-01T00:00:00Z')
    await page.getByText('0 of 0 checks fail').waitFor()
  })

  test('of any text show it as text', async () => {
    const page = await console.open('/findings?target=hostile&show=all')
    expect(await missingIn(page, takenTexts.slice(0, 1))).toEqual([])
    await eachView(page, 'findings-hostile')
    await page.getByRole('link', { name: 'Fix list' }).click()
    await settled(page)
    expect(page.complaints).toEqual([])
  })

  test('have a page: what is wrong, since when, and how to fix it', async () => {
    const page = await console.open(`/findings/${fingerprints.get('epp-01 must-be-unreachable')}`)
    await page
      .getByText(/Port [0-9]+ of epp-01 is open from client \(local\); it must be closed or filtered\./)
      .waitFor()
    for (const text of ['Telnet sends passwords in clear.', 'Stop it.'])
      expect(await page.getByText(text).count()).toBe(1)
    await eachView(page, 'finding')
    await page.getByRole('button', { name: 'How do we know?' }).click()
    await page
      .getByRole('dialog')
      .getByRole('link', { name: /Download/ })
      .waitFor()
    await eachView(page, 'finding-proof')
  })

  test('that were not known at a time say so', async () => {
    const page = await console.open(`/findings/${fingerprints.get('epp-01 must-be-open')}?at=2026-01-01T00:00:00Z`)
    await page.getByText('Nothing was known of epp-01 at that time.').waitFor()
    expect(await page.getByRole('link', { name: 'Audit this again' }).count()).toBe(0)
    expect(page.complaints).toEqual([])
  })

  test.each([
    ['ssh', [...takenTexts, ...hostileTexts.filter(isLineText)]],
    ['tls', hostileTexts.filter(isNameText)],
    ['ldap', hostileTexts],
    ['http0', hostileTexts.filter(isHeaderText).slice(0, 3)],
  ])('whose evidence of %s is hostile show it as text', async (rule, texts) => {
    const page = await console.open(`/findings/${fingerprints.get(`hostile ${rule}`)}`)
    expect(await missingIn(page, texts)).toEqual([])
    if (rule === 'ssh') await eachView(page, 'finding-hostile')
    else expect(page.complaints).toEqual([])
  })
})
