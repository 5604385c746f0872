import { createHash } from 'node:crypto'
import { strFromU8, unzipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import type { ReportedFinding } from '../../../src/report/formats/audit.ts'
import { maxOpenOnPage } from '../../../src/report/html/tally.ts'
import { type PackParts, renderPack } from '../../../src/report/pack/pack.ts'
import { pageUrls } from '../../../src/report/page-urls.ts'
import { findingOf, sampleAudit, sampleFindings, sampleUrl } from '../formats/sample.ts'

const vantages = [{ name: 'local', zones: ['client', '<b>'], kind: 'worker', version: '0.1.0' }]

async function pack(more: Partial<PackParts> = {}, findings: readonly ReportedFinding[] = sampleFindings, page = 2) {
  async function* pages() {
    for (let i = 0; i < findings.length; i += page) yield findings.slice(i, i + page)
  }
  const pieces: Uint8Array[] = []
  for await (const piece of renderPack({ audit: sampleAudit, findings: pages, vantages, ...more })) pieces.push(piece)
  return Buffer.concat(pieces)
}
const unpack = (zip: Uint8Array) =>
  Object.fromEntries(Object.entries(unzipSync(zip)).map(([name, bytes]) => [name, strFromU8(bytes)]))
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('an evidence pack', () => {
  test('has a manifest of its files with their sizes and SHA-256', async () => {
    const files = unpack(await pack({ more: { 'ledger.json': { seq: 7 } } }))
    const names = ['audit', 'policy', 'vantages', 'tool', 'ledger'].map((name) => `${name}.json`)
    const others = [...names, 'findings.ndjson', 'findings.csv', 'index.html']
    expect(Object.keys(files)).toEqual([...others, 'manifest.json'])
    expect(JSON.parse(files['manifest.json'] ?? '')).toEqual({
      audit: sampleAudit.id,
      tool: { name: 'Portwarden', version: '0.1.0' },
      files: others.map((name) => {
        const text = files[name] ?? ''
        return { name, bytes: Buffer.byteLength(text), sha256: sha256(text) }
      }),
    })
  })

  test('has all findings as NDJSON and CSV, and the canonical policy', async () => {
    const files = unpack(await pack())
    const lines = (files['findings.ndjson'] ?? '').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(sampleFindings)
    expect(files['findings.csv']?.match(/^epp-0/gm)).toHaveLength(sampleFindings.length)
    expect(JSON.parse(files['policy.json'] ?? '')).toEqual(sampleAudit.policy.document)
    expect(JSON.parse(files['vantages.json'] ?? '')).toEqual({ asOf: 'planning', vantages })
  })

  test('has the same bytes for the same audit, in every time zone', async () => {
    const zone = process.env.TZ
    try {
      process.env.TZ = 'Pacific/Kiritimati'
      const first = await pack()
      process.env.TZ = 'America/Los_Angeles'
      expect(Buffer.compare(first, await pack())).toBe(0)
    } finally {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    }
  })
})

describe('the page of a pack', () => {
  const pageOf = async (...args: Parameters<typeof pack>) => unpack(await pack(...args))['index.html'] ?? ''

  test('is self-contained without scripts, and escapes its contents', async () => {
    const evil = findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state'], { target: '<script>"&' })
    const page = await pageOf({}, [evil])
    expect(page).toContain('&lt;script&gt;&quot;&amp;')
    expect(page).toContain('&lt;b&gt;')
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|\son\w+=|@import|url\(/i)
    const hrefs = [...page.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href)
    const links = hrefs.filter((href) => !href.startsWith(`${sampleUrl}/ui/`))
    expect(links.length).toBeGreaterThan(5)
    for (const href of links) expect(href).toMatch(/^[a-z]+\.(json|ndjson|csv)$/)
  })

  test('shows the verdict, the reason of each finding that did not pass, and untested rules', async () => {
    const page = await pageOf()
    expect(page).toContain('Verdict: <span class="word fail">fail</span>')
    const shown = sampleFindings.filter(({ result }) => result !== 'pass' && result !== 'notapplicable')
    expect(page).toContain(`${shown.length} findings with their reasons`)
    for (const { reason } of shown) expect(page).toContain(reason.message)
    expect(page).toContain('Accepted by waiver')
    expect(page).toMatch(/ssh-support: notchecked \(1\)/)
    expect(page).toMatch(/server-certificate: not in this audit/)
  })

  test('leads to the pages of the audit and of its findings in the console, where there is one', async () => {
    const files = unpack(await pack())
    expect(files['index.html']).toContain(`href="${sampleUrl}/ui/audits/${sampleAudit.id}"`)
    for (const { fingerprint, result } of sampleFindings)
      expect(files['index.html']?.includes(`href="${sampleUrl}/ui/findings/${fingerprint}"`), result).toBe(
        result !== 'pass' && result !== 'notapplicable',
      )
    expect(JSON.parse(files['audit.json'] ?? '').url).toBe(`${sampleUrl}/ui/audits/${sampleAudit.id}`)
    const alone = await pageOf({ audit: { ...sampleAudit, pages: pageUrls(undefined) } })
    expect(alone).not.toContain('/ui/')
  })

  test('has a caption and headers for every table, one title, and a language', async () => {
    const page = await pageOf()
    const count = (pattern: RegExp) => page.match(pattern)?.length ?? 0
    expect(count(/<table>/g)).toBeGreaterThan(5)
    expect([count(/<caption>/g), count(/<thead>/g)]).toEqual([count(/<table>/g), count(/<table>/g)])
    expect(count(/<tbody>\n(<tr><th scope="row">.*<\/tr>\n)*<\/tbody>/g)).toBe(count(/<table>/g))
    expect([count(/<h1>/g), count(/<html lang="en">/g), count(/<main>/g)]).toEqual([1, 1, 1])
  })

  test('lists at most a thousand open findings, with the total', async () => {
    const many = Array.from({ length: maxOpenOnPage + 1 }, () =>
      findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state']),
    )
    const page = await pageOf({}, many, 400)
    expect(page).toContain(
      `The first ${maxOpenOnPage} of ${maxOpenOnPage + 1} findings; findings.csv lists all of them`,
    )
    expect(page.match(/<th scope="row">epp-01<\/th><td><a [^>]*><code>ssh-restricted</g)).toHaveLength(maxOpenOnPage)
  })

  test('reports vantages that were not recorded', async () => {
    expect(await pageOf({ vantages: null })).toContain('Not recorded for this audit')
  })
})
