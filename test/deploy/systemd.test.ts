import { globSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { environment, portwarden } from '../support/commands.ts'
import { createTestDatabase } from '../support/database.ts'
import { listen } from '../support/listen.ts'
import { firstCells, read, root } from '../support/pages.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { mustRun, run } from '../support/processes.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const units = globSync('deploy/systemd/*.service', { cwd: root })
const exposureLimit = 20 // of 100; systemd-analyze prints a tenth of it

test('the units of deploy/systemd set only what the program reads', () => {
  const settings = firstCells({ path: 'docs/settings.md', text: read('docs/settings.md') }).map((cell) =>
    cell.replaceAll('`', ''),
  )
  const names = units.flatMap((unit) =>
    [...read(unit).matchAll(/\b((?:PORTWARDEN|DATABASE)_[A-Z_]+)=/g)].map(([, name]) => name),
  )
  expect(names.length).toBeGreaterThan(4)
  for (const name of names) expect(settings).toContain(name)
})

describeWithPeers(['systemd'], 'the units of deploy/systemd', () => {
  describe.each(units)('%s', (unit) => {
    test('has an exposure level of at most 2.0', async () => {
      const { code, stdout } = await run(
        'systemd-analyze',
        ['security', '--offline=true', `--threshold=${exposureLimit}`, unit],
        { cwd: root },
      )
      expect([code, stdout.trim().split('\n').at(-1)]).toEqual([0, expect.stringMatching(/Overall exposure level/)])
    })

    test('is valid', async () => {
      const directory = await makeTempDir('units')
      try {
        const copy = join(directory.path, basename(unit))
        await writeFile(
          copy,
          read(unit)
            .replace('/usr/local/bin/portwarden', '/bin/true')
            .replace(/^Documentation=.*\n/m, ''),
        )
        const { code, stderr } = await run('systemd-analyze', ['verify', '--recursive-errors=no', copy])
        expect([code, stderr]).toEqual([0, ''])
      } finally {
        await directory.remove()
      }
    })
  })

  test('allow the system calls that the service makes', async () => {
    const database = await createTestDatabase()
    const target = await listen(createServer((socket) => socket.on('error', () => {})))
    const directory = await makeTempDir('sandbox')
    try {
      const policy = join(directory.path, 'policy.yaml')
      await writeFile(
        policy,
        `name: one-port
title: One port
rules:
  - { id: open, title: Open, severity: low, direction: inbound, from: [client], probe: tcp, port: ${target.port}, expect: { state: [open] } }
`,
      )
      const program = [process.execPath, ...portwarden('audit'), '127.0.0.1', '--policy', policy]
      const env = environment(database.url, { PORTWARDEN_DATA_DIR: join(directory.path, 'data') })
      const sandbox = [join(root, 'test/support/refuse-syscall.py'), `all-but:${await allowedCalls()}`, 'EPERM']
      const { code, stdout, stderr } = await run('python3', ['-I', ...sandbox, ...program], { env })
      expect([code, code === 0 ? '' : stdout + stderr]).toEqual([0, ''])
      expect(stderr).not.toContain('connects with the sockets of Node')
      const refused = await run('python3', ['-I', ...sandbox, '/usr/bin/env', 'nice', '-n', '1', 'true'], { env })
      expect(refused.stderr).toContain('nice: cannot set niceness')
    } finally {
      await Promise.all([database.drop(), target.close(), directory.remove()])
    }
  })
})

/** The numbers of the system calls that SystemCallFilter= of the service allows. */
async function allowedCalls(): Promise<string> {
  const filters = [...read('deploy/systemd/portwarden.service').matchAll(/^SystemCallFilter=(.*)$/gm)].map(
    ([, value = '']) => value,
  )
  const [allowed, denied] = [
    filters.filter((one) => !one.startsWith('~')),
    filters.filter((one) => one.startsWith('~')),
  ]
  const expand = async (names: readonly string[]): Promise<string[]> =>
    (
      await Promise.all(names.map(async (name) => (name.startsWith('@') ? expand(await membersOf(name)) : [name])))
    ).flat()
  const words = (lists: readonly string[]) => lists.flatMap((list) => list.replace('~', '').split(' '))
  const without = new Set(await expand(words(denied)))
  const calls = new Set((await expand(['@default', ...words(allowed)])).filter((name) => !without.has(name)))
  const numbers = numbersOfCalls()
  return [...calls].flatMap((name) => numbers.get(name) ?? []).join(',')
}

const membersOf = async (set: string): Promise<string[]> =>
  (await mustRun('systemd-analyze', ['syscall-filter', '--no-pager', set]))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && line !== set)

/** From the header of the C library, for this machine. */
function numbersOfCalls(): Map<string, number> {
  const [header = ''] = globSync('/usr/include/{x86_64,aarch64}-linux-gnu/asm/unistd_64.h').concat(
    '/usr/include/asm-generic/unistd.h',
  )
  const lines = readFileSync(header, 'utf8').matchAll(/^#define __NR(?:3264)?_(\w+) (\d+)$/gm)
  return new Map([...lines].map(([, name = '', number]) => [name, Number(number)]))
}
