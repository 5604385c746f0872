import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ReasonCode, reasonCodes, reasons } from '../../src/domain/findings/reasons.ts'

const root = join(import.meta.dirname, '..')

/** Test sources by their path under test/. */
const sources = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && path !== relative(root, import.meta.filename))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
)

/** Tests with a string that is the code or ends with it: only an expectation names codes. */
const namedIn = (code: ReasonCode, where: (path: string) => boolean): string[] => {
  const text = new RegExp(`'([^'\\n]* )?${code}'`)
  return [...sources].filter(([path, source]) => where(path) && text.test(source)).map(([path]) => path)
}

const codesAbout = (...about: string[]) => reasonCodes.filter((code) => about.includes(reasons[code].about))

describe('every reason code', () => {
  test('of a probe, the runner or the pipeline is provoked by a test with a real peer', () => {
    const uncovered = codesAbout('peer', 'us', 'setup').filter(
      (code) => namedIn(code, (path) => !path.startsWith('domain/')).length === 0,
    )
    expect(uncovered).toEqual([])
  })

  test('of the judge or the plan is expected in one of their tests, or end to end', () => {
    const uncovered = codesAbout('rule').filter(
      (code) =>
        namedIn(code, (path) => /^(domain\/(protocols\/|findings\/(judge|plan|paired-rule))|e2e\/)/.test(path))
          .length === 0,
    )
    expect(uncovered).toEqual([])
  })
})
