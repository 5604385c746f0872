import { expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { loadPolicy } from '../../src/policies/load.ts'
import { createRegions } from '../../src/policies/regions.ts'

const source = `# ports
name: ports
title: Ports
rules:
  - &first # SSH
    id: ssh
    title: SSH is closed
    severity: high
    direction: inbound
    from: [client]
    probe: tcp
    port: 22
    expect: { state: [closed] }

  # HTTPS
  - { id: https, title: HTTPS, severity: low, direction: inbound, from: [client], probe: tcp, port: 443, expect: {} }
`
const loaded = loadPolicy(source, 'yaml')
const { document } = loaded as { document: PolicyDocument }

test('a rule is found in the text of its policy, with its comments', () => {
  const regionOf = createRegions(document, source)
  const lines = source.split('\n')
  const { startLine, startColumn, endLine } = regionOf('ssh')
  expect(lines[startLine - 1]?.slice(startColumn - 1)).toBe('id: ssh')
  expect([endLine > 12, endLine < 16]).toEqual([true, true])
  expect(regionOf('https')).toEqual({
    startLine: 16,
    startColumn: 5,
    endLine: 16,
    endColumn: lines[15]?.length ? lines[15].length + 1 : 0,
  })
})

test('a rule of a policy without a text is found in the text that its document makes', () => {
  expect(createRegions(document, null)('https').startLine).toBeGreaterThan(
    createRegions(document, null)('ssh').endLine - 1,
  )
})

test('an unknown rule is the beginning, which readers accept as a region', () => {
  expect(createRegions(document, source)('none')).toEqual({ startLine: 1, startColumn: 1, endLine: 1, endColumn: 2 })
})
