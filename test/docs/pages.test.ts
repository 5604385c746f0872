import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { checkPolicy } from '../../src/policies/load.ts'
import { auditFormats } from '../../src/report/formats/index.ts'
import { allPages, blocksOf, firstCells, type Page, read, root, userPages } from '../support/pages.ts'
import { fullTarget } from '../support/target.ts'

const pages = allPages()
const page = (path: string): Page => ({ path, text: read(path) })
const withoutCode = (text: string) => text.replaceAll(/^```.*?^```$/gms, '')

/** The headings of a page as GitHub names them in links. */
const anchorsOf = (text: string) =>
  [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

test('the README links every page of docs', () => {
  const docs = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
  expect(
    userPages()
      .map(({ path }) => path)
      .toSorted(),
  ).toEqual(['README.md', ...docs].toSorted())
})

test('every link within the repository leads to a file and a heading that exist', () => {
  const links = pages.flatMap(({ path, text }) =>
    [...withoutCode(text).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([link, to = '', anchor]) => ({
      link: `${path} ${link}`,
      file: to === '' ? path : join(dirname(path), to),
      anchor,
    })),
  )
  expect(links.length).toBeGreaterThan(50)
  for (const { link, file, anchor } of links) {
    expect([link, existsSync(join(root, file))]).toEqual([link, true])
    if (anchor) expect([link, anchorsOf(read(file))]).toEqual([link, expect.arrayContaining([anchor])])
  }
})

test('the README has at most 200 lines, and prose of at most 140 characters', () => {
  const { text } = page('README.md')
  expect(text.split('\n').length - 1).toBeLessThanOrEqual(200)
  const prose = withoutCode(text)
    .split('\n')
    .filter((line) => !line.startsWith('|'))
  expect(prose.filter((line) => line.length > 140)).toEqual([])
})

test('every path of the repository that a page names exists', () => {
  const paths = pages
    .filter(({ path }) => !['CHANGELOG.md', 'bench/README.md'].includes(path))
    .flatMap(({ path, text }) =>
      [
        ...text.matchAll(/(?<![\w/.-])((?:src|test|prisma|docs|examples|bench|openapi|\.ci|\.github)\/[\w./-]*\w)/g),
      ].map(([, named = '']) => ({ path, named })),
    )
  expect(paths.length).toBeGreaterThan(100)
  expect(paths.filter(({ named }) => !existsSync(join(root, named)))).toEqual([])
})

test('every npm script that a page names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/npm (?:run )?(?:-s )?(test(?::\w+)?|start|(?<=run (?:-s )?)[\w:]+)/g)].map(
      ([, script = '']) => ({
        path,
        script,
      }),
    ),
  )
  expect(named.filter(({ script }) => !scripts[script])).toEqual([])
})

test('architecture and guide for contributors list every folder of src', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const names = folders.map(({ name }) => name)
  const cells = firstCells(page('docs/architecture.md')).join()
  expect(names.filter((name) => !cells.includes(`\`${name}/\``))).toEqual([])
  const guide = firstCells(page('CONTRIBUTING.md')).join()
  expect(names.filter((name) => !guide.includes(`\`src/${name}/\``))).toEqual([])
})

test('docs/reports.md lists every export format with its media type', () => {
  const rows = [...read('docs/reports.md').matchAll(/^\| `(\w+)` \| `([^`]+)` \|/gm)]
  expect(Object.fromEntries(rows.map(([, name, mediaType]) => [name, mediaType]))).toEqual(
    Object.fromEntries(Object.entries(auditFormats).map(([name, { mediaType }]) => [name, mediaType])),
  )
})

test('docs/api.md lists every status of an error in the OpenAPI document', () => {
  const { paths } = JSON.parse(read('openapi/openapi.json')) as {
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
  }
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  const errors = new Set(
    operations.flatMap(({ responses }) => Object.keys(responses).filter((status) => status >= '400')),
  )
  const listed = new Set(firstCells(page('docs/api.md')).filter((cell) => /^\d+$/.test(cell)))
  expect([...errors].filter((status) => !listed.has(status))).toEqual([])
})

describe('blocks of code', () => {
  const blocks = pages.flatMap(blocksOf)

  test.each(blocks.filter(({ language }) => language === 'yaml'))('the YAML of $page:$line is valid', ({ text }) => {
    const value: unknown = parse(text)
    if (!Array.isArray(value)) return
    const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name)
    const parameters = Object.fromEntries(
      names.map((name) => [name, { type: name.endsWith('Controller') ? 'host' : 'text' }]),
    )
    expect(checkPolicy({ name: 'sample', title: 'Sample', parameters, rules: value })).not.toHaveProperty('errors')
  })

  const node = String.raw`\w+(?:\["[^"]+"\]|\[\("[^"]+"\)\])?`
  /** The first line of a diagram, and what each further line must be. Mermaid itself is larger than this repository. */
  const diagrams: readonly (readonly [RegExp, RegExp])[] = [
    [/^flowchart (?:LR|TD)$/, RegExp(`^  ${node} -->(?:\\|[^|]+\\|)? ${node}$`)],
    [/^sequenceDiagram$/, /^ {2}(?:participant \w+ as [\w ]+|\w+-?-(?:>>|\)|x)\w+: [^;#]+)$/],
    [/^erDiagram$/, /^ {2}[A-Z_]+ (?:\|\||\|o|\}o|\}\|)--(?:\|\||o\||o\{|\|\{) [A-Z_]+ : "[\w ]+"$/],
  ]

  test.each(blocks.filter(({ language }) => language === 'mermaid'))(
    'the diagram of $page:$line is well-formed',
    ({ text }) => {
      const [first = '', ...lines] = text.trimEnd().split('\n')
      const line = diagrams.find(([head]) => head.test(first))?.[1]
      expect(line, first).toBeDefined()
      expect(lines.filter((one) => !line?.test(one))).toEqual([])
    },
  )

  test('the diagram of the data model names tables only', () => {
    const tables = [...read('prisma/schema.prisma').matchAll(/@@map\("(\w+)"\)/g)].map(([, name = '']) => name)
    const model = blocks.find(({ text }) => text.startsWith('erDiagram'))?.text ?? ''
    const named = [...new Set(model.match(/\b[A-Z_]{4,}\b/g))].map((name) => name.toLowerCase())
    expect(named.length).toBeGreaterThan(15)
    expect(named.filter((name) => !tables.includes(name))).toEqual([])
  })
})

test('docs/concepts.md names every field of a target', () => {
  const row = read('docs/concepts.md').match(/^\| target \|.*$/m)?.[0] ?? ''
  expect(Object.keys(fullTarget).filter((field) => !row.includes(`\`${field}\``))).toEqual([])
})
