import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { shells } from '../../src/cli/completion/scripts.ts'
import { describeCommand, flatten } from '../../src/cli/describe.ts'
import { renderManPage } from '../../src/cli/man-page.ts'
import { createProgram } from '../../src/cli/program.ts'
import { portwarden } from '../support/commands.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { mustRun, run } from '../support/processes.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const program = describeCommand(createProgram())
const all = flatten(program)
const start = (...argv: string[]) =>
  run(process.execPath, [portwarden('')[0], ...argv], { env: { PATH: process.env.PATH } })
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

describe('portwarden', () => {
  test('has the commands that its pages name', () => {
    expect(program.children.map(({ path: [name] }) => name)).toEqual(
      'audit serve agent migrate trace policy targets report ledger pack keys doctor demo completion'.split(' '),
    )
  })

  test('prints its version, its help, and nothing but an error where it is called wrongly', async () => {
    expect(await start('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
    expect(await start('-h')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: portwarden /),
      stderr: '',
    })
    expect(await start('no-such-command')).toMatchObject({
      code: 64,
      stdout: '',
      stderr: expect.stringMatching(/unknown command/),
    })
  })

  test.each(all.filter(({ children }) => children.length === 0).map((one) => [one.path.join(' '), one] as const))(
    '%s has a summary and an example or needs no argument',
    (_, { summary, command }) => {
      expect(summary).not.toBe('')
      let help = ''
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
      expect(/^Examples?:$/m.test(help) || command.registeredArguments.length <= 1).toBe(true)
    },
  )
})

/** What the shell would offer after a line. */
async function complete(line: string): Promise<string[]> {
  const directory = await makeTempDir('completion')
  const script = join(directory.path, 'completion.bash')
  await writeFile(script, shells.bash(program))
  const words = line.split(' ')
  const code = `source ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _portwarden; printf '%s\\n' "\${COMPREPLY[@]}"`
  const offered = await mustRun('bash', ['-c', code])
  await directory.remove()
  return offered.trim().split('\n')
}

describe('the completion for bash offers', () => {
  test.each([
    ['portwarden a', ['audit', 'agent']],
    ['portwarden ledger ', ['verify', 'head', 'export', '--help', '-h']],
    ['portwarden ledger verify --h', ['--head', '--help']],
    ['portwarden audit --fail-on ', ['low', 'medium', 'high']],
    ['portwarden audit epp-01 --fo', ['--format']],
  ])('after %s', async (line, offered) => {
    expect((await complete(line)).sort()).toEqual([...offered].sort())
  })
})

describe.each(['zsh', 'fish'] as const)('the completion for %s', (shell) => {
  describeWithPeers([shell], 'in that shell', () => {
    test('can be read', async () => {
      const directory = await makeTempDir('completion')
      const script = join(directory.path, 'completion')
      await writeFile(script, shells[shell](program))
      await mustRun(shell, ['-n', script])
      await directory.remove()
    })
  })
})

describeWithPeers(['groff'], 'the man page', () => {
  test('has every command and option, and nothing that groff warns of', async () => {
    const directory = await makeTempDir('man')
    const page = join(directory.path, 'portwarden.1')
    await writeFile(page, renderManPage(program, version))
    const { stdout, stderr } = await run('groff', ['-man', '-ww', '-Tascii', '-P-cbou', page])
    await directory.remove()
    expect(stderr).toBe('')
    const words = stdout.replaceAll(/\s+/g, ' ')
    for (const { path, options } of all) {
      expect(words).toContain(`portwarden ${path.join(' ')}`.trim())
      for (const { long } of options) expect(words).toContain(long)
    }
  })
})
