import { describe, expect, test } from 'vitest'
import { renderHtml } from '../../../src/report/formats/html.ts'
import { maxOpenOnPage } from '../../../src/report/html/tally.ts'
import { pageUrls } from '../../../src/report/page-urls.ts'
import { hostileTexts } from '../../support/hostile-texts.ts'
import { findingOf, renderAll, sampleAudit, sampleFindings } from './sample.ts'

const withoutUrl = { ...sampleAudit, pages: pageUrls(undefined) }
const section = (text: string, title: string) => text.split(`<h2>${title}</h2>`)[1]?.split('</section>')[0] ?? ''
const rowsOf = (text: string) => text.split('<tbody>')[1]?.match(/<tr>/g)?.length ?? 0

describe('the HTML page of an audit', () => {
  test('loads nothing, runs nothing, and leads nowhere without a public URL', async () => {
    const text = await renderAll(renderHtml, { audit: withoutUrl })
    expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(text).not.toMatch(/<(script|link|img|iframe|object|embed|base|form|svg)\b/i)
    expect(text).not.toMatch(/\s(src|srcset|href|action|on\w+)=|url\(|@import/i)
    expect(text.match(/<html lang="en">|<title>|<\/html>/g)).toHaveLength(3)
  })

  test('has styles for print', async () => {
    expect(await renderAll(renderHtml)).toMatch(/@page \{.*@media print/s)
  })

  test('lists every finding once, and those that did not pass with what to do', async () => {
    const text = await renderAll(renderHtml)
    expect(rowsOf(section(text, 'All findings'))).toBe(sampleFindings.length)
    const open = section(text, 'Findings that did not pass')
    expect(rowsOf(open)).toBe(sampleFindings.filter(({ result }) => !['pass', 'notapplicable'].includes(result)).length)
    const { remediation = '' } = sampleAudit.policy.document.rules.find(({ id }) => id === 'ssh-restricted') ?? {}
    expect(section(text, 'How to fix it')).toContain(`<code>ssh-restricted</code></dt><dd>`)
    expect(remediation).not.toBe('')
    expect(section(text, 'How to fix it')).not.toContain('ad-ldap')
    expect(text).toContain('Accepted by waiver 019b7600-0000-7000-8000-000000000001')
  })

  test('ends with the evidence of each finding', async () => {
    const evidence = section(await renderAll(renderHtml), 'Evidence')
    expect(rowsOf(evidence)).toBe(sampleFindings.filter((one) => one.evidence !== null).length)
    expect(evidence).toContain('&quot;host&quot;:&quot;10.0.0.5&quot;')
  })

  test('says how long a certificate is valid, also one that has ended', async () => {
    const of = (notAfter: string) =>
      findingOf('server-certificate', 'fail', ['open', 'unexpected-state'], {
        evidence: {
          ...{ probe: 'tls', host: '10.0.0.5', port: 443 },
          addresses: {
            '10.0.0.5': { state: 'open', reason: 'tls-ok', facts: { certificate: { notAfter } } as never },
            '10.0.0.6': {
              state: 'open',
              reason: 'tls-ok',
              facts: { tls: { certificate: { notAfter: '2030-01-01T00:00:00Z' } } } as never,
            },
          },
        },
      })
    const findings = [of('2026-01-12T00:00:00.000Z'), of('2025-12-30T00:00:00.000Z')]
    const text = await renderAll(renderHtml, { findings })
    expect(text).toContain('port 443 open, certificate valid for 10 days')
    expect(text).toContain('port 443 open, certificate valid for -3 days')
  })

  test('shows hostile texts as texts', async () => {
    for (const { text: hostile } of hostileTexts) {
      const findings = [
        findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state'], { target: hostile, vantage: hostile }),
      ]
      const document = { ...sampleAudit.policy.document, title: hostile, source: hostile }
      const audit = {
        ...withoutUrl,
        reason: hostile,
        correlationId: hostile,
        error: hostile,
        policy: { ...sampleAudit.policy, document },
      }
      const text = await renderAll(renderHtml, { audit, findings })
      const plain = await renderAll(renderHtml, {
        audit: withoutUrl,
        findings: [findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state'])],
      })
      const tagsOf = (page: string) => new Set(page.match(/<\/?[a-z][^\s>]*/gi))
      expect([hostile, [...tagsOf(text)].filter((tag) => !tagsOf(plain).has(tag))]).toEqual([hostile, []])
    }
  })

  test('says where the rest is when more findings did not pass than it lists first', async () => {
    const many = Array.from({ length: maxOpenOnPage + 1 }, (_, i) =>
      findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state'], { target: `epp-${i}` }),
    )
    const text = await renderAll(renderHtml, { findings: many, page: 500 })
    expect(section(text, 'Findings that did not pass')).toContain(
      `The first ${maxOpenOnPage} of ${maxOpenOnPage + 1} findings; the table of all findings follows`,
    )
    expect(rowsOf(section(text, 'All findings'))).toBe(many.length)
  })
})
