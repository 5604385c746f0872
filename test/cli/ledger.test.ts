import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtInNames } from '../../src/policies/built-in.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { environment, portwarden } from '../support/commands.ts'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { query } from '../support/database-server.ts'
import { run } from '../support/processes.ts'
import { makeTempDir } from '../support/temp-dir.ts'

/** Its beginning, the built-in policies, and the policy of the test. */
const entries = builtInNames.length + 2

let app: TestApp
let directory: Awaited<ReturnType<typeof makeTempDir>>
let dataDir: DataDir
beforeAll(async () => {
  ;[app, directory, dataDir] = await Promise.all([startTestApp(), makeTempDir('ledger'), makeDataDir()])
})
afterAll(() => Promise.all([app.stop(), directory.remove(), dataDir.remove()]))

const ledger = (args: readonly string[], env = environment(app.url)) =>
  run(process.execPath, [...portwarden('ledger'), ...args], { env: { PORTWARDEN_DATA_DIR: directory.path, ...env } })

// One story: what is exported first shows at the end that the tail was cut.
describe('npm run ledger', { shuffle: false }, () => {
  const headFile = () => join(directory.path, 'head.json')

  test('verify exits 0 for a ledger that is intact', async () => {
    const { code, stdout, stderr } = await ledger(['verify', '--findings'])
    expect(stderr).toBe('')
    expect(stdout).toContain(
      `verdict:  intact, ${entries} entries checked\nfindings: of 0 audits as recorded, of 0 dropped`,
    )
    expect(code).toBe(0)
  })

  test('export prints every entry, head the signed end', async () => {
    const { code, stdout } = await ledger(['export'])
    expect(code).toBe(0)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).seq),
    ).toEqual(Array.from({ length: entries }, (_, i) => entries - i))
    const head = await ledger(['head'])
    expect(JSON.parse(head.stdout)).toMatchObject({ seq: entries, hash: JSON.parse(stdout.split('\n')[0] ?? '').hash })
    await writeFile(headFile(), head.stdout)
    expect((await ledger(['verify', '--head', headFile()])).code).toBe(0)
  })

  test.each(['head', 'export', 'verify'])('%s exits 2 where what it says cannot be written', async (name) => {
    const env = { ...environment(app.url), PORTWARDEN_DATA_DIR: directory.path }
    const line = `"${process.execPath}" ${portwarden('ledger').join(' ')} ${name} > /dev/full`
    const { code, stderr } = await run('sh', ['-c', line], { env })
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^(portwarden: the output cannot be written: ENOSPC.*\n)+$/),
    ])
  })

  test('verify exits 2 where it does not have the key', async () => {
    const env = { ...environment(app.url), PORTWARDEN_LEDGER_KEY: 'x'.repeat(32) }
    const { code, stdout } = await ledger(['verify'], env)
    expect(stdout).toContain(`verdict:  unverified, ${entries} entries checked\nno key:   ${entries} entries from 1 on`)
    expect(code).toBe(2)
    const none = await ledger(['verify'], { ...env, PORTWARDEN_LEDGER_KEY: '' })
    expect(none).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(/there is no ledger key in/) })
  })

  test('verify exits 1 and names the entry from which the tail was cut', async () => {
    await query(app.url, [
      'ALTER TABLE ledger_entry DISABLE TRIGGER ALL',
      `DELETE FROM ledger_entry WHERE seq = ${entries}`,
    ])
    expect((await ledger(['verify'])).code).toBe(0)
    const { code, stdout } = await ledger(['verify', '--head', headFile()])
    expect(stdout).toContain(`verdict:  broken, ${entries - 1} entries checked\nbroken:   entry ${entries}, cut: `)
    expect(code).toBe(1)
    const asJson = JSON.parse((await ledger(['verify', '--head', headFile(), '--json'])).stdout)
    expect(asJson).toMatchObject({ verdict: 'broken', broken: { seq: entries, kind: 'cut' } })
  })

  test('export escapes control characters of the database', async () => {
    await query(app.url, [
      'ALTER TABLE ledger_entry DISABLE TRIGGER ALL',
      "UPDATE ledger_entry SET actor = U&'\\009b2J\\202E' WHERE seq = 1",
    ])
    const { code, stdout } = await ledger(['export'])
    expect([code, JSON.parse(stdout.trim().split('\n').at(-1) ?? '').actor]).toEqual([0, '\u009b2J\u202e'])
    expect(stdout).toContain('"\\u009b2J\\u202e"')
  })

  test('says what it cannot do', async () => {
    await writeFile(join(directory.path, 'no-head'), 'none')
    const wrong: [string[], RegExp][] = [
      [[], /^Usage: portwarden ledger /],
      [['verify', 'head'], /too many arguments/],
      [['verify', '--haed', 'x'], /unknown option '--haed'/],
      [['verify', '--head', join(directory.path, 'gone')], /--head: ENOENT/],
      [['verify', '--head', join(directory.path, 'no-head')], /must hold a head that the ledger key has signed/],
    ]
    await Promise.all(
      wrong.map(async ([args, message]) => {
        const said = await ledger(args)
        expect(said).toEqual({ code: 64, stdout: '', stderr: expect.stringMatching(message) })
        expect(said.stderr).not.toMatch(/\n {4}at /)
      }),
    )
  })
})

test('an audit on the embedded database is in its ledger, signed by the key in the data directory', async () => {
  const env = { PATH: process.env.PATH, PORTWARDEN_DATA_DIR: dataDir.path }
  const audited = await run(process.execPath, [...portwarden('audit'), 'does-not-exist.invalid'], { env })
  expect(audited.code).toBe(2)
  const { code, stdout } = await run(process.execPath, [...portwarden('ledger'), 'verify', '--findings'], { env })
  expect(stdout).toContain(`verdict:  intact, ${entries + 1} entries checked\nfindings: of 1 audits as recorded`)
  expect(code).toBe(0)
  expect(dataDir.postmaster()).toBeUndefined()
})

test('a process without the key of the ledger does not start, and makes no key', async () => {
  const empty = await makeTempDir('no-key')
  const env = { ...environment(app.url), PORTWARDEN_LEDGER_KEY: '', PORTWARDEN_DATA_DIR: empty.path, PORT: '0' }
  const main = portwarden('serve')
  const { code, stderr } = await run(process.execPath, [...main], { env })
  expect(stderr).toMatch(/has a ledger, and there is no key of it in .*: set PORTWARDEN_LEDGER_KEY/)
  expect(code).not.toBe(0)
  expect(await readdir(empty.path)).not.toContain('ledger.key')
  await empty.remove()
})
