import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isOlder, oldestNode } from '../../src/runtime/require-node.ts'

test.each([
  ['20.20.2', true],
  ['24.6.9', true],
  ['24.7.0', false],
  ['24.21.0', false],
  ['26.0.0', false],
])('Node %s is older than 24.7: %s', (version, older) => {
  expect(isOlder(version, '24.7')).toBe(older)
})

test('the programs ask for the Node that package.json names', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  expect(JSON.parse(manifest).engines.node).toBe(`>=${oldestNode}`)
})
