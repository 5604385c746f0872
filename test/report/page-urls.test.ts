import { describe, expect, test } from 'vitest'
import { pageUrls } from '../../src/report/page-urls.ts'

describe('the URLs of pages', () => {
  test('are below /ui of the public URL, and hold what they are given as text', () => {
    const pages = pageUrls('https://example.org/portwarden')
    expect(pages.audit('a1')).toBe('https://example.org/portwarden/ui/audits/a1')
    expect(pages.finding('f1')).toBe('https://example.org/portwarden/ui/findings/f1')
    expect(pages.rule({ name: 'ports', version: 3 }, 'x?#/')).toBe(
      'https://example.org/portwarden/ui/policies/ports?version=3#x%3F%23%2F',
    )
  })

  test('are null without a public URL', () => {
    const pages = pageUrls(undefined)
    expect([pages.audit('a1'), pages.finding('f1'), pages.rule({ name: 'ports', version: 3 }, 'x')]).toEqual([
      null,
      null,
      null,
    ])
  })
})
