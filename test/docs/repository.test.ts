import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { renamedReasons } from '../../src/domain/findings/reasons.ts'
import { read, root } from '../support/pages.ts'

interface Workflow {
  jobs: Record<string, { container: { image: string }; steps: { uses?: string; run?: string }[] }>
}
interface IssueForm {
  name: string
  body: { type: string; id?: string }[]
}
const manifest = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> }

test('the workflow runs .ci/run on the Debian that has its packages, with actions of an exact version', () => {
  const { jobs } = parse(read('.github/workflows/ci.yml')) as Workflow
  const steps = Object.values(jobs).flatMap((job) => job.steps)
  expect(steps.filter(({ run }) => run === 'bash .ci/run')).toHaveLength(1)
  for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^actions\/[\w-]+@v\d+\.\d+\.\d+$/)
  expect(read('.ci/run')).toContain('postgresql-15') // of Debian 12
  expect(Object.values(jobs).map(({ container }) => container.image)).toEqual(['debian:12'])
})

test('.nvmrc names the Node that npm installs', () => {
  expect(read('.nvmrc').trim()).toBe(manifest.devDependencies.node?.split('.')[0])
})

test('.editorconfig agrees with the formatter', () => {
  const { formatter } = JSON.parse(read('biome.json')) as { formatter: { indentWidth: number; lineWidth: number } }
  expect(read('.editorconfig')).toContain(`\nindent_size = ${formatter.indentWidth}\n`)
  expect(read('.editorconfig')).toContain(`\nmax_line_length = ${formatter.lineWidth}\n`)
})

test('Renovate is configured, and groups packages that exist', () => {
  const { packageRules } = JSON.parse(read('renovate.json')) as { packageRules: { matchPackageNames: string[] }[] }
  const known = Object.keys(JSON.parse(read('package-lock.json')).packages).map((path) =>
    path.replace('node_modules/', ''),
  )
  const images = ['postgres', 'debian']
  for (const name of packageRules.flatMap((rule) => rule.matchPackageNames)) {
    const matches = (one: string) => (name.endsWith('/**') ? one.startsWith(name.slice(0, -2)) : one === name)
    expect([name, [...known, ...images].some(matches)]).toEqual([name, true])
  }
})

test('the forms for issues have a name and unique fields', () => {
  for (const form of ['bug', 'feature']) {
    const { name, body } = parse(read(`.github/ISSUE_TEMPLATE/${form}.yml`)) as IssueForm
    expect(name).toMatch(/\w/)
    const ids = body.flatMap(({ id }) => id ?? [])
    expect(new Set(ids).size).toBe(ids.length)
  }
  expect(existsSync(join(root, '.github/pull_request_template.md'))).toBe(true)
})

test('CHANGELOG.md has the form of Keep a Changelog, an entry on each line', () => {
  const lines = read('CHANGELOG.md').trimEnd().split('\n').slice(5)
  const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'].join('|')
  const allowed = RegExp(
    `^(?:|## (?:Unreleased|\\[?\\d+\\.\\d+\\.\\d+\\]? - \\d{4}-\\d\\d-\\d\\d)|### (?:${kinds})|#### [\\w, ]+|- [A-Z\`].*\\.)$`,
  )
  expect(lines.filter((line) => !allowed.test(line))).toEqual([])
  expect(lines.filter((line) => line.length > 140)).toEqual([])
})

test('CHANGELOG.md names every renamed reason code', () => {
  const text = read('CHANGELOG.md')
  const missing = Object.entries(renamedReasons).filter(([old, now]) => !text.includes(`\`${old}\` is now \`${now}\``))
  expect(missing).toEqual([])
})
