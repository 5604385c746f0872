import { describe, expect, test } from 'vitest'
import { ticketStep } from '../../../src/domain/webhooks/tickets.ts'

const waiver = '019b7600-0000-7000-8000-000000000000'

describe('the ticket event of a finding', () => {
  test.each([
    ['fails', false, 'fail', null, 'finding.opened'],
    ['still fails', true, 'fail', null, 'finding.still-open'],
    ['passes', true, 'pass', null, 'finding.resolved'],
    ['does not apply any more', true, 'notapplicable', null, 'finding.resolved'],
    ['fails and is waived', false, 'fail', waiver, undefined],
    ['is waived while it has a ticket', true, 'fail', waiver, 'finding.resolved'],
    ['passes and never failed', false, 'pass', null, undefined],
    ['is unknown', false, 'unknown', null, undefined],
    ['is unknown while it has a ticket', true, 'unknown', null, undefined],
    ['is an error while it has a ticket', true, 'error', null, undefined],
    ['was not checked while it has a ticket', true, 'notchecked', null, undefined],
  ] as const)('when it %s', (_, hasTicket, result, waived, type) => {
    expect(ticketStep(hasTicket, { result, waiver: waived })?.type).toBe(type)
  })

  test('names why it was resolved', () => {
    expect(ticketStep(true, { result: 'fail', waiver })).toMatchObject({ resolution: 'waived' })
    expect(ticketStep(true, { result: 'pass', waiver: null })).toMatchObject({ resolution: 'pass' })
  })
})
