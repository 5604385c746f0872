import { cp, mkdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { environment, startServiceProcess } from './support/commands.ts'
import { createTestDatabase } from './support/database.ts'
import { describeWithPeers } from './support/peers/available.ts'
import { run } from './support/processes.ts'
import { makeTempDir } from './support/temp-dir.ts'

const root = resolve(import.meta.dirname, '..')
const service = 'http://127.0.0.1:8080'

/** What the README says to type at a service that runs, from its first line to its last; an agent would not come to an end. */
async function commands(): Promise<string[]> {
  const text = await readFile(join(root, 'README.md'), 'utf8')
  const blocks = [...text.matchAll(/^```(?:bash|sh)\n(.*?)^```$/gms)].map(([, block = '']) => block)
  const said = blocks.filter((block) => block.includes(service) || block.includes('npm run -s pack'))
  return said.map((block) => block.replace(/^npm run agent .*\n/m, ''))
}

/** Dates of the README as far from now as they are from the beginning of 2027, so that it stays right when that is over. */
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

describeWithPeers(['curl', 'unzip', 'nmap'], 'the README', () => {
  test('has commands that work when they are pasted one after the other', async () => {
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
