import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runInProcess } from '../support/run-program.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const documents = {
  broken: 'name: broken\nrules: [\n',
  nameless: 'title: Nameless\n',
  list: '[1]\n',
}
let directory: Awaited<ReturnType<typeof makeTempDir>>
const file = (name: string) => join(directory.path, `${name}.yaml`)
beforeAll(async () => {
  directory = await makeTempDir('policy')
  for (const [name, text] of Object.entries(documents)) await writeFile(file(name), text)
})
afterAll(() => directory.remove())

test.each([
  ['broken', [/broken\.yaml:3: is not YAML: /]],
  ['nameless', [/nameless\.yaml:1: \/name is missing/, /nameless\.yaml:1: \/rules is missing/]],
  ['list', [/list\.yaml:1: must be an object with name/]],
] as const)('validate and diff say what is wrong in %s.yaml, and where', async (name, messages) => {
  const validated = await runInProcess(['policy', 'validate', file(name)])
  expect([validated.code, validated.stderr]).toEqual([1, ''])
  const compared = await runInProcess(['policy', 'diff', file(name), file(name)])
  expect([compared.code, compared.stdout]).toEqual([64, ''])
  for (const message of messages) for (const text of [validated.stdout, compared.stderr]) expect(text).toMatch(message)
})

test('names a file that cannot be read', async () => {
  for (const [path, message] of [
    [file('none'), 'no such file or directory'],
    [directory.path, 'illegal operation on a directory'],
  ] as const) {
    const ran = await runInProcess(['policy', 'validate', path])
    expect(ran).toEqual({ code: 64, stdout: '', stderr: `portwarden: ${path}: ${message}\n` })
  }
})
