import { expect, test } from 'vitest'
import { zonesOfFinding } from '../../../src/domain/findings/zones.ts'

test.each([
  ['the shared zone', ['client', 'untrusted'], 'v', ['branch', 'client'], ['client']],
  ['every shared zone', ['client', 'server'], 'v', ['server', 'client'], ['server', 'client']],
  ['a zone without a vantage', ['client', 'untrusted'], 'zone:untrusted', [], ['untrusted']],
  ['the zones of the rule, from elsewhere', ['server'], 'v', ['client'], ['server']],
  ['the zones of the vantage, without a rule', null, 'v', ['client', 'branch'], ['client', 'branch']],
  ['no zone, without both', null, 'v', [], ['']],
])('a finding is about %s', (_, from, name, zones, expected) => {
  expect(zonesOfFinding(from, { name, zones })).toEqual(expected)
})
