import { expect, test } from 'vitest'
import { failureOf } from '../../../src/domain/webhooks/tickets.ts'

const waiver = '019b7600-0000-7000-8000-000000000000'

test.each([
  ['fails', 'fail', null, 'fails'],
  ['fails and is waived', 'fail', waiver, 'waived'],
  ['passes', 'pass', null, 'pass'],
  ['does not apply', 'notapplicable', null, 'notapplicable'],
  ['is unknown', 'unknown', null, undefined],
  ['is an error', 'error', null, undefined],
  ['was not checked', 'notchecked', null, undefined],
] as const)('a finding that %s says so to its ticket; an undecided one says nothing', (_, result, waived, failure) => {
  expect(failureOf({ result, waiver: waived })).toBe(failure)
})
