import { afterAll, beforeAll, expect, test } from 'vitest'
import { eachView, settled, startConsole, type TestConsole } from '../support/console/console.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { finding, makeSeries, startAudit } from '../support/stores.ts'

const hostile = `CN=<script>alert(1)</script> <img src=x onerror='alert(1)'> " onmouseover="alert(1)`
const dayMs = 86_400_000
const fromNow = (days: number) => new Date(Date.now() + days * dayMs).toISOString()

describeWithPeers(['chromium'], 'what is found', () => {
  let console: TestConsole
  beforeAll(async () => {
    console = await startConsole({ working: false })
    const { stores, query } = console.service
    const names = Array.from({ length: 12 }, (_, i) => `epp-${String(i).padStart(2, '0')}`)
    const series = await makeSeries(stores, names)
    const started = await startAudit(stores, { targetIds: series.map(({ targetId }) => targetId) })
    const ends = [-3, 5, 20, 45, 45, 45, 200, 300, 300, 360, 400, 400]
    const findings = series.map((one, i) => {
      const certificate = {
        ...{
          subject: i === 1 ? hostile : `CN=${one.target}.example`,
          issuer: 'CN=Example CA',
          sans: [`DNS:${one.target}.example`],
        },
        ...{ notBefore: fromNow(-400), notAfter: fromNow(ends[i] ?? 0), serialNumber: '01', selfSigned: i === 2 },
        ...{
          sha256: (i === 3 ? 4 : i).toString(16).repeat(64),
          publicKey: { type: 'ec', bits: 256, sha256: 'b'.repeat(64) },
        },
      }
      const facts = {
        certificate,
        trusted: i > 2,
        nameMatches: i !== 5,
        ...(i > 2 ? {} : { trustError: 'CERT_HAS_EXPIRED' }),
      }
      const addresses = { [`10.20.0.${i}`]: { state: 'open', reason: 'tls-ok', facts } }
      return finding(one, 0, {
        observedAt: new Date(),
        evidence: { probe: 'tls', host: one.target, port: 443, addresses } as never,
      })
    })
    await stores.record({ ...started, findings })
    await query("UPDATE audit SET correlation_id = 'CHG-epp-1'")
  })
  afterAll(() => console?.stop())

  test('/search is where the key / leads; it finds targets, tickets, certificates, and audits by their id', async () => {
    const page = await console.open('/')
    await page.keyboard.press('/')
    await page.getByRole('heading', { name: 'Search' }).waitFor()
    await page.keyboard.type('epp')
    await page.getByText('The best 8.').first().waitFor()
    expect(await page.locator('main h2').allTextContents()).toEqual(['Targets', 'Tickets', 'Certificates'])
    await eachView(page, 'search')
    await page.getByRole('searchbox').fill('<script>')
    await page.getByRole('link', { name: hostile }).click()
    await page.getByText('1 on this page').waitFor()
    const [audit] = await console.service.query<{ id: string }>('SELECT id FROM audit')
    await page.goto(`${console.url}/ui/search?q=${audit?.id}`)
    await page.getByRole('link', { name: audit?.id ?? '' }).waitFor()
    await page.goto(`${console.url}/ui/search?q=nothing-has-this`)
    await page.getByText('Nothing has this text.').waitFor()
  })

  test('/certificates has the first to end first, the ends of 12 months, and a calendar', async () => {
    const page = await console.open('/certificates')
    await page.getByText('1 ended, 2 end within 30 days, 9 by the end of the next 12 months.').waitFor()
    expect(await page.getByText(hostile).count()).toBe(1)
    expect(await page.getByRole('row').nth(1).textContent()).toContain('Ended')
    expect(await page.getByRole('row', { name: /epp-03.*epp-04/ }).count()).toBe(1)
    await eachView(page, 'certificates')
    await page.getByRole('link', { name: /^Ended/ }).click()
    await page.getByText('1 on this page').waitFor()
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Calendar (ICS)' }).click()
    expect((await download).suggestedFilename()).toBe('certificates.ics')
    await page.goto(`${console.url}/ui/certificates?at=2026-01-01T00:00:00Z`)
    await settled(page)
    await page.getByText('No certificate has these filters.').waitFor()
  })
})
