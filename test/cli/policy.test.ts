import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runInProcess } from '../support/run-program.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const documents = {
  broken: 'name: broken\nrules: [\n',
  nameless: 'title: Nameless\n',
  list: '[1]\n',
  base: `name: base
title: Base
rules:
  - { id: ssh, title: SSH, severity: high, direction: inbound, from: [client], probe: tcp, port: 22, expect: { state: [closed] } }
`,
  own: 'name: own\nextends: base\nrules:\n  - id: ssh\n    port: 2222\n',
  epp: 'name: epp\nextends: netwrix-endpoint-protector\nparameters: { sshPort: { default: 2222 } }\n',
  pinned: 'name: pinned\nextends: base@1\n',
  wrong: 'name: wrong\nextends: base\nomit: [shh]\n',
  nowhere: 'name: nowhere\nextends: none\n',
  egg: 'name: egg\nextends: hen\n',
  hen: 'name: hen\nextends: egg\n',
  ...Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`c${i}`, `name: c${i}\nextends: c${i + 1}\n`])),
}
let directory: Awaited<ReturnType<typeof makeTempDir>>
const file = (name: string) => join(directory.path, `${name}.yaml`)
beforeAll(async () => {
  directory = await makeTempDir('policy')
  for (const [name, text] of Object.entries<string>(documents)) await writeFile(file(name), text)
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

test('a file extends the file of that name beside it, else a built-in policy, without a service', async () => {
  const ran = await runInProcess(['policy', 'validate', file('own'), file('epp')])
  expect(ran).toEqual({ code: 0, stdout: `${file('own')}: valid\n${file('epp')}: valid\n`, stderr: '' })
  const { code, stdout } = await runInProcess(['policy', 'diff', file('base'), file('own')])
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^rule ssh: changed\n {2}port: 22 → 2222$/m)])
})

test.each([
  ['wrong', 1, /wrong\.yaml:3: \/omit\/0 base has no rule `shh`: did you mean `ssh`\?/],
  ['nowhere', 1, /nowhere\.yaml:2: \/extends there is no policy none/],
  ['pinned', 64, /\/extends names version 1 of base, and only a service has versions/],
  ['egg', 64, /hen\.yaml: \/extends leads back to .*egg\.yaml/],
  ['c0', 64, /c9\.yaml: \/extends is the 10th in a row/],
])('validate says what is wrong with the base of %s.yaml', async (name, code, message) => {
  const ran = await runInProcess(['policy', 'validate', file(name)])
  expect([ran.code, ran.stdout + ran.stderr]).toEqual([code, expect.stringMatching(message)])
})
