import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ReasonCode, reasonCodes, reasons } from '../../src/domain/findings/reasons.ts'

const root = join(import.meta.dirname, '..')

/** The tests, by their path under test/. */
const sources = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && path !== relative(root, import.meta.filename))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
)

/** Tests with a text that is the code, or ends with it: they expect it, since peers know no codes. */
const namedIn = (code: ReasonCode, where: (path: string) => boolean): string[] => {
  const text = new RegExp(`'([^'\\n]* )?${code}'`)
  return [...sources].filter(([path, source]) => where(path) && text.test(source)).map(([path]) => path)
}

const codesAbout = (...about: string[]) => reasonCodes.filter((code) => about.includes(reasons[code].about))

describe('every reason code', () => {
  test('that a probe, the runner or the pipeline gives is provoked by a test with a real peer', () => {
    const unproven = codesAbout('peer', 'us', 'setup').filter(
      (code) => namedIn(code, (path) => !path.startsWith('domain/')).length === 0,
    )
    expect(unproven).toEqual([])
  })

  test('that the judge or the plan gives is expected in a test of theirs, or end to end', () => {
    const unproven = codesAbout('rule').filter(
      (code) =>
        namedIn(code, (path) => /^(domain\/(protocols\/|findings\/(judge|plan|paired-rule))|e2e\/)/.test(path))
          .length === 0,
    )
    expect(unproven).toEqual([])
  })
})
