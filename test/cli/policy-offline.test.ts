import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { builtInPolicies, findBuiltIn } from '../../src/policies/built-in.ts'
import { runInProcess } from '../support/run-program.ts'
import { makeTempDir } from '../support/temp-dir.ts'

let directory: Awaited<ReturnType<typeof makeTempDir>>
beforeAll(async () => {
  directory = await makeTempDir('policy-offline')
})
afterAll(() => directory.remove())
async function write(name: string, text: string): Promise<string> {
  const file = join(directory.path, name)
  await writeFile(file, text)
  return file
}
/** No database is there: a command that needs one fails. */
const portwarden = (...argv: string[]) =>
  runInProcess(['policy', ...argv], { env: { DATABASE_URL: 'postgresql://127.0.0.1:1/none' } })

test('list names the built-in policies with their number of rules, title and source', async () => {
  const { code, stdout, stderr } = await portwarden('list')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^NAME +RULES +TITLE +SOURCE$/m)
  for (const { name, rules, title, source } of builtInPolicies())
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toContainEqual([
      name,
      `${rules.length}`,
      title,
      source,
    ])
  expect(JSON.parse((await portwarden('list', '--json')).stdout)).toEqual(builtInPolicies())
})

test('show prints a built-in policy or a file as it is written, and resolved', async () => {
  const { document, source } = findBuiltIn('ssh-baseline') ?? {}
  expect(await portwarden('show', 'ssh-baseline')).toEqual({ code: 0, stdout: source, stderr: '' })
  const text = '# ours\nname: ours\nextends: ssh-baseline\nparameters: { sshPort: { default: 2222 } }\n'
  const file = await write('ours.yaml', text)
  expect(await portwarden('show', file)).toEqual({ code: 0, stdout: text, stderr: '' })
  const resolved = await portwarden('show', file, '--resolved')
  expect(parse(resolved.stdout)).toEqual({
    ...document,
    name: 'ours',
    base: 'ssh-baseline',
    parameters: { sshPort: { ...document?.parameters?.sshPort, default: 2222 } },
  })
  expect(JSON.parse((await portwarden('show', file, '--json')).stdout)).toEqual(parse(resolved.stdout))
})

test('diff compares built-in policies and files', async () => {
  expect(await portwarden('diff', 'ssh-baseline', 'ssh-baseline')).toMatchObject({ code: 0, stdout: 'nothing\n' })
  const file = await write('low.yaml', 'name: low\nextends: ssh-baseline\nrules: [{ id: ssh-macs, severity: low }]\n')
  const { code, stdout } = await portwarden('diff', 'ssh-baseline', file)
  expect([code, stdout]).toEqual([
    1,
    expect.stringMatching(/^rule ssh-macs: changed\n {2}severity: "medium" → "low"$/m),
  ])
})

test.each([
  ['ssh-basline', /there is no built-in policy ssh-basline; .* --stored or --server\. Did you mean ssh-baseline\?/],
  [
    'ssh-baseline@2',
    /there is no built-in policy ssh-baseline@2; stored policies and their versions need --stored or --server\.$/m,
  ],
])('show %s says what there is', async (name, message) => {
  expect(await portwarden('show', name)).toEqual({ code: 64, stdout: '', stderr: expect.stringMatching(message) })
})

describe('test --cases', () => {
  const judge = async (text: string, policy = 'netwrix-endpoint-protector', ...more: string[]) =>
    portwarden('test', policy, '--cases', await write('cases.yaml', text), ...more)

  test('judges made-up observations, and shows the cases that do not hold', async () => {
    const { code, stdout } = await judge(`cases:
  - { name: SSH is closed, rule: ssh-restricted, observed: { state: closed }, result: pass }
  - { name: SSH is open, rule: ssh-restricted, observed: { state: open }, result: fail, reason: unexpected-state }
  - { rule: ssh-support, windowOpen: true, observed: { state: open, facts: { spoke: http } }, result: fail, reason: ssh-not-spoken }
  - { rule: ad-ldap, observed: { state: open }, result: notapplicable }
  - { rule: ssh-restricted, params: { hostMustRespond: true }, observed: { state: filtered, hostAnswered: false }, result: unknown }
  - { rule: ssh-restricted, observed: { state: unresolved }, result: unknown, reason: name-not-found }
  - { name: wrong, rule: ssh-restricted, observed: { state: open }, result: pass }
`)
    expect(code).toBe(1)
    expect(stdout.split('\n')).toEqual([
      'ok    ssh-restricted: SSH is closed: pass (as-expected)',
      'ok    ssh-restricted: SSH is open: fail (unexpected-state)',
      'ok    ssh-support: open: fail (ssh-not-spoken)',
      'ok    ad-ldap: open: notapplicable',
      'ok    ssh-restricted: filtered: unknown (host-silent)',
      'ok    ssh-restricted: unresolved: unknown (name-not-found)',
      'FAIL  ssh-restricted: wrong: expected pass, is fail (unexpected-state)',
      '6 of 7 cases hold',
      '',
    ])
  })

  test('ends with 0 where every case holds, as JSON too', async () => {
    const { code, stdout } = await judge(
      'cases: [{ rule: ssh-restricted, observed: { state: filtered }, result: pass }]\n',
      'netwrix-endpoint-protector',
      '--json',
    )
    expect([code, JSON.parse(stdout)]).toMatchObject([0, [{ holds: true, seen: { result: 'pass' } }]])
  })

  test.each([
    ['cases: []\n', /cases\.yaml:1: \/cases must have at least 1 item/],
    [
      'cases:\n  - { rule: ssh-restrictd, observed: { state: open }, result: pass }\n',
      /:2: \/cases\/0\/rule must be a rule of netwrix-endpoint-protector: did you mean `ssh-restricted`\?/,
    ],
    [
      'cases:\n  - rule: ssh-support\n    observed: { state: open, facts: { spok: x } }\n    result: fail\n',
      /:3: \/cases\/0\/observed\/facts\/spok unknown field `spok`: did you mean `spoke`\?/,
    ],
    [
      'cases:\n  - { rule: ssh-restricted, params: { sshPort: 0 }, observed: { state: open }, result: fail }\n',
      /:2: \/cases\/0\/params\/sshPort must be a port/,
    ],
    [
      'cases:\n  - { rule: ssh-restricted, observed: { state: unknown }, result: unknown }\n',
      /:2: \/cases\/0\/observed\/reason is missing/,
    ],
    [
      'cases:\n  - { rule: ssh-restricted, observed: { state: open }, result: passed }\n',
      /:2: \/cases\/0\/result must be one of pass, fail/,
    ],
  ])('names what is wrong in %j', async (text, message) => {
    expect(await judge(text)).toEqual({ code: 64, stdout: '', stderr: expect.stringMatching(message) })
  })
})
