import { existsSync, globSync, readFileSync } from 'node:fs'
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { environment, startServiceProcess } from './support/commands.ts'
import { createTestDatabase } from './support/database.ts'
import { describeWithPeers } from './support/peers/available.ts'
import { run } from './support/processes.ts'
import { makeTempDir } from './support/temp-dir.ts'

const root = resolve(import.meta.dirname, '..')
const service = 'http://127.0.0.1:8080'

/** The README, and the pages of docs/ in the order in which it names them. */
async function pages(): Promise<{ path: string; text: string }[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const named = [...readme.matchAll(/\]\((docs\/[\w-]+\.md)\)/g)].map(([, path = '']) => path)
  const docs = [...new Set(named)].map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') }))
  return [{ path: 'README.md', text: readme }, ...(await Promise.all(docs))]
}

/** What they say to type at a service that runs, from the first line to the last; an agent would not come to an end. */
async function commands(): Promise<string[]> {
  const texts = (await pages()).map(({ text }) => text).join('\n')
  const blocks = [...texts.matchAll(/^```(?:bash|sh)\n(.*?)^```$/gms)].map(([, block = '']) => block)
  const said = blocks.filter((block) => block.includes(service) || block.includes('npm run -s pack'))
  return said.map((block) => block.replace(/^npm run agent .*\n/m, ''))
}

/** Dates of the pages as far from now as they are from the beginning of 2027, so that they stay right when that is over. */
const fromNow = (text: string): string =>
  text.replaceAll(/\b20\d\d-\d\d-\d\dT[\d:]+Z/g, (instant) =>
    new Date(Date.now() + Date.parse(instant) - Date.UTC(2027, 0, 1)).toISOString(),
  )

// Every request must succeed; what npm runs are our own commands.
const shell = `
set -Eeuo pipefail
trap 'echo "this failed: $BASH_COMMAND" >&2' ERR
curl() { command curl --fail-with-body "$@"; }
npm() { while [ "$1" != -- ]; do script=$1; shift; done; shift; node "${root}/src/cli/$script.ts" "$@"; }
`

test('the README names every page of docs, and no link within the pages leads nowhere', async () => {
  const all = await pages()
  const inDocs = (await readdir(join(root, 'docs'))).map((name) => `docs/${name}`)
  expect(all.map(({ path }) => path).toSorted()).toEqual(['README.md', ...inDocs].toSorted())
  const links = all.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([link, to = '', anchor]) => ({
      link: `${path} ${link}`,
      file: to === '' ? path : join(dirname(path), to),
      anchor,
    })),
  )
  expect(links.length).toBeGreaterThan(20)
  for (const { link, file, anchor } of links) {
    expect([link, existsSync(join(root, file))]).toEqual([link, true])
    if (anchor)
      expect([link, anchorsOf(await readFile(join(root, file), 'utf8'))]).toEqual([
        link,
        expect.arrayContaining([anchor]),
      ])
  }
})

/** The headings of a page as GitHub names them in links. */
const anchorsOf = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

test('docs/settings.md has every variable that the configuration reads, and no other', async () => {
  const sources = globSync('src/{config*.ts,cli/**/*.ts}', { cwd: root }).map((path) =>
    readFileSync(join(root, path), 'utf8'),
  )
  const read = namesIn(sources.join())
  const table = (await readFile(join(root, 'docs/settings.md'), 'utf8')).matchAll(/^\| (`[^|]*) \|/gm)
  const told = namesIn([...table].map(([, cell]) => cell).join())
  expect(told).toEqual(read)
})

/** Names of variables, each once; with one that a file may hold goes that of the file. */
const namesIn = (text: string) =>
  [
    ...new Set(
      [...text.matchAll(/\b(?:PORTWARDEN_[A-Z_]*[A-Z]|DATABASE_URL|OTEL_[A-Z_]+|HOST|PORT)\b/g)].map(([name]) =>
        name.replace(/_FILE$/, ''),
      ),
    ),
  ].sort()

describeWithPeers(['curl', 'unzip', 'nmap'], 'the README and its pages', () => {
  test('have commands that work when they are pasted one after the other', async () => {
    const database = await createTestDatabase()
    onTestFinished(database.drop)
    const portwarden = await startServiceProcess(database.url)
    onTestFinished(portwarden.stop)
    const directory = await makeTempDir('readme')
    onTestFinished(directory.remove)
    await mkdir(join(directory.path, '.portwarden'))
    await cp(portwarden.keyFile, join(directory.path, '.portwarden/admin.key'))
    const all = await commands()
    expect(all.length).toBeGreaterThan(12)
    const here: Record<string, string> = {
      [service]: portwarden.url,
      '192.0.2.0/24': '127.0.0.1',
      'https://itsm.corp.example/hooks': 'http://127.0.0.1:9/hooks',
    }
    const script = Object.entries(here).reduce((text, [there, one]) => text.replaceAll(there, one), all.join('\n'))
    const path = `${dirname(process.execPath)}:${process.env.PATH}`
    const { code, stderr } = await run('bash', ['--norc', '-c', shell + fromNow(script)], {
      cwd: directory.path,
      env: environment(database.url, { PATH: path }),
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(await readFile(join(directory.path, 'findings.csv'), 'utf8')).toMatch(/^target,rule,/)
    expect(await readFile(join(directory.path, 'audit.oscal.json'), 'utf8')).toContain('"assessment-results"')
  })
})
