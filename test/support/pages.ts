import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')
export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

export interface Page {
  /** Relative to the repository. */
  path: string
  text: string
}

const readPage = (path: string): Page => ({ path, text: read(path) })

/** The README, and the pages of docs/ in the order in which the README links them. */
export function userPages(): Page[] {
  const readme = readPage('README.md')
  const linked = [...readme.text.matchAll(/\]\((docs\/[\w-]+\.md)/g)].map(([, path = '']) => path)
  return [readme, ...[...new Set(linked)].map(readPage)]
}

/** Every Markdown file of the repository that people write. */
export const allPages = (): Page[] =>
  globSync(['*.md', '{docs,bench,examples,.github}/**/*.md'], { cwd: root, exclude: ['**/node_modules/**'] })
    .toSorted()
    .map(readPage)

export interface Block {
  page: string
  /** Of the opening fence, counted from 1. */
  line: number
  language: string
  text: string
  /** Why a test must leave it out: `<!-- not run: … -->` or `<!-- not compared: … -->` above the fence. */
  exemption?: string
}

const fences = /(?:^<!-- not (?:run|compared): (.+?) -->\n\n?)?^```(\w*)\n(.*?)^```$/gms

export const blocksOf = ({ path, text }: Page): Block[] =>
  [...text.matchAll(fences)].map(({ 1: exemption, 2: language = '', 3: content = '', index }) => {
    const lead = text.slice(0, text.indexOf('```', index))
    return { page: path, line: lead.split('\n').length, language, text: content, exemption }
  })

/** The first cells of the tables of a page, as they are written. */
export const firstCells = ({ text }: Page): string[] =>
  [...text.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell).filter((cell) => !/^-+$/.test(cell))
