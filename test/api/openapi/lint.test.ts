import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '../../support/processes.ts'

const root = resolve(import.meta.dirname, '../../..')

/** Lints as redocly.yaml says. It can neither check for updates nor send telemetry. */
const lint = (path: string) =>
  run(
    join(root, 'node_modules/.bin/redocly'),
    ['lint', path, '--config', join(root, 'redocly.yaml'), '--format=json'],
    {
      cwd: root,
      env: {
        PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
        REDOCLY_TELEMETRY: 'off',
        REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
        HTTP_PROXY: 'http://127.0.0.1:9',
        HTTPS_PROXY: 'http://127.0.0.1:9',
      },
    },
  )

const problemsOf = (stdout: string) =>
  (JSON.parse(stdout) as { problems: { ruleId: string; message: string }[] }).problems.map(
    ({ ruleId, message }) => `${ruleId}: ${message}`,
  )

test.each(['openapi.json', 'openapi-3.0.json'])('%s passes redocly lint, without a warning too', async (name) => {
  const { code, stdout, stderr } = await lint(`openapi/${name}`)
  expect(problemsOf(stdout)).toEqual([])
  expect([code, stderr]).toEqual([0, expect.any(String)])
})

test('a document that is not right does not pass', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lint-'))
  try {
    const path = join(directory, 'wrong.json')
    await writeFile(
      path,
      JSON.stringify({ openapi: '3.0.3', info: { title: 'x', version: '1' }, paths: { '/a': { get: {} } } }),
    )
    const { code, stdout } = await lint(path)
    expect([code, problemsOf(stdout).length > 0]).toEqual([1, true])
  } finally {
    await rm(directory, { recursive: true })
  }
})
