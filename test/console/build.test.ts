import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../support/pages.ts'

interface Chunk {
  file: string
  css?: string[]
  imports?: string[]
  dynamicImports?: string[]
}

const built = join(root, 'dist', 'console')
let manifest: Record<string, Chunk>
beforeAll(() => {
  const path = join(built, '.vite', 'manifest.json')
  if (!existsSync(path)) throw new Error('the console is not built: run npm run build')
  manifest = JSON.parse(readFileSync(path, 'utf8'))
})

/** A chunk and all that it imports at its start. */
function closureOf(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen
  seen.add(name)
  for (const imported of manifest[name]?.imports ?? []) closureOf(imported, seen)
  return seen
}

const files = (names: Iterable<string>, kind: 'js' | 'css') =>
  new Set(
    [...names]
      .flatMap((name) => [manifest[name]?.file ?? [], manifest[name]?.css ?? []].flat())
      .filter((path) => path.endsWith(`.${kind}`)),
  )
const kilobytes = (paths: Iterable<string>) =>
  [...paths].reduce((sum, path) => sum + gzipSync(readFileSync(join(built, path)), { level: 9 }).length, 0) / 1000

describe('the built console', () => {
  const pages = () => Object.keys(manifest).filter((name) => name.startsWith('pages/'))
  const withPage = (name: string) => closureOf(name, closureOf('index.html'))

  test('loads at most 40 kB of scripts with the overview, compressed', () => {
    expect(kilobytes(files(withPage('pages/overview/overview.tsx'), 'js'))).toBeLessThanOrEqual(40)
  })

  test('loads at most 60 kB of scripts with any page', () => {
    expect(pages().length).toBeGreaterThan(2)
    const heavy = pages().filter((name) => kilobytes(files(withPage(name), 'js')) > 60)
    expect(heavy).toEqual([])
  })

  test('has at most 150 kB of scripts and 12 kB of styles in all', () => {
    expect(kilobytes(files(Object.keys(manifest), 'js'))).toBeLessThanOrEqual(150)
    expect(kilobytes(files(Object.keys(manifest), 'css'))).toBeLessThanOrEqual(12)
  })

  test('has each file compressed in two ways', () => {
    const paths = globSync('**/*.{js,css,svg,html}', { cwd: built })
    expect(paths.length).toBeGreaterThan(4)
    const missing = paths.filter(
      (path) => !existsSync(`${join(built, path)}.br`) || !existsSync(`${join(built, path)}.gz`),
    )
    expect(missing).toEqual([])
  })

  test('has nothing inline, and no file of another origin', () => {
    const html = readFileSync(join(built, 'index.html'), 'utf8')
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|onload=|https?:/)
    for (const [, url] of html.matchAll(/(?:src|href)="([^"]+)"/g)) expect(url).toMatch(/^\.\/assets\//)
  })
})

test('the lock file has one Vite: that of the tests builds the console', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: object }
  expect(Object.keys(packages).filter((path) => path.endsWith('node_modules/vite'))).toEqual(['node_modules/vite'])
})
