import { globSync } from 'node:fs'
import { expect, test } from 'vitest'
import { read, root } from '../support/pages.ts'

// test/readme.test.ts compares the usage of each command with what `--help` prints.
test('docs/cli.md names every option of every command', () => {
  const sources = ['src/main.ts', ...globSync('src/cli/*.ts', { cwd: root })].map(read).join('\n')
  const options = [...sources.matchAll(/^\s*(?:args: .*options: \{ )?(\w+): \{ type: '(?:string|boolean)'/gm)].map(
    ([, name]) => name,
  )
  expect(new Set(options).size).toBeGreaterThan(8)
  const page = read('docs/cli.md')
  expect([...new Set(options)].filter((name) => !page.includes(`--${name}`))).toEqual([])
})
