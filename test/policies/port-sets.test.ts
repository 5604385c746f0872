import { expect, test } from 'vitest'
import { resolveRule } from '../../src/domain/policy/parameters.ts'
import { loadPolicy } from '../../src/policies/load.ts'

const load = (rule: string) =>
  loadPolicy(
    `name: sets
title: Sets
parameters: { web: { type: port, default: 443 }, any: { type: port } }
rules:
  - { id: r, title: R, severity: high, direction: inbound, from: [client], ${rule} }
`,
    'yaml',
  )
const issuesOf = (rule: string) => {
  const loaded = load(rule)
  return 'errors' in loaded ? loaded.errors.map(({ pointer, message }) => [pointer, message]) : []
}

test.each([
  ['probe: tcp, ports: [22, 443, 8000-8100], expect: { onlyOpen: [443] }'],
  ['probe: tcp, ports: [22, 8000-8100], expect: { state: [closed, filtered] }'],
  [`probe: tcp, ports: [22, "\${web}"], expect: { onlyOpen: ["\${web}"] }`],
])('%s is valid', (rule) => {
  expect(issuesOf(rule)).toEqual([])
})

test.each([
  ['probe: tcp, port: 22, expect: { onlyOpen: [22] }', '/rules/0/expect/onlyOpen', 'needs `ports`'],
  [
    'probe: tcp, ports: [22], expect: { onlyOpen: [22], state: [open] }',
    '/rules/0/expect/onlyOpen',
    'does not go with `state`',
  ],
  ['probe: tcp, ports: [22], expect: { onlyOpen: [443] }', '/rules/0/expect/onlyOpen/0', '443 is not'],
  ['probe: tcp, ports: [22], port: 22, expect: {}', '/rules/0/ports', 'does not go with `port`'],
  ['probe: ssh, ports: [22], expect: {}', '/rules/0/ports', 'needs probe tcp'],
  ['probe: tcp, ports: [1-10, 5], expect: {}', '/rules/0/ports/1', 'must not repeat port 5'],
  ['probe: tcp, ports: [], expect: {}', '/rules/0/ports', 'at least 1 item'],
  ['probe: tcp, ports: [65000-65536], expect: {}', '/rules/0/ports/0', 'ascending range'],
  ['probe: tcp, ports: [20-10], expect: {}', '/rules/0/ports/0', 'ascending range'],
  ['probe: tcp, ports: [65536], expect: {}', '/rules/0/ports/0', 'must be a port'],
  ['probe: tcp, ports: [1-2000], expect: {}', '/rules/0/ports', 'at most 1024 ports; these are 2000'],
  [`probe: tcp, ports: ["\${any}"], expect: {}`, '/rules/0/ports/0', 'needs a value'],
  [`probe: tcp, ports: ["\${web}-500"], expect: {}`, '/rules/0/ports/0', 'one placeholder'],
])('%s is refused at %s', (rule, pointer, message) => {
  expect(issuesOf(rule)).toContainEqual([pointer, expect.stringContaining(message)])
})

test('a resolved rule has its set as the fewest ranges, and its first port', () => {
  const loaded = load(`probe: tcp, ports: [443, 23, 22, "\${web}"], expect: { onlyOpen: ["\${web}"] }`)
  if ('errors' in loaded) throw new Error(JSON.stringify(loaded.errors))
  const [rule] = loaded.document.rules
  expect(rule && resolveRule(rule, { web: 24 })).toMatchObject({
    port: 22,
    ports: ['22-24', '443'],
    expect: { onlyOpen: [24] },
  })
})
