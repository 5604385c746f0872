import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { matchPath } from '../../src/console/url/route.ts'

const directory = join(import.meta.dirname, '../../src/console')
const read = (file: string) => readFileSync(join(directory, file), 'utf8')
const paths = [...read('pages/routes.ts').matchAll(/path: '([^']+)'/g)].map(([, path = '']) => path)
const linksIn = (source: string) =>
  [...source.matchAll(/\bto=(?:"(\/[^"]*)"|\{uri`([^`]+)`\})/g)].map(([, plain, built]) =>
    (plain ?? built ?? '').replaceAll(/\$\{[^}]*\}/g, 'x'),
  )

test('every link of the console leads to a page', () => {
  const links = globSync('**/*.tsx', { cwd: directory }).flatMap((file) => linksIn(read(file)))
  expect(links.length).toBeGreaterThan(10)
  expect(links.filter((link) => !paths.some((path) => matchPath(path, link.split('?')[0] ?? '')))).toEqual([])
})
