import { describe, expect, test } from 'vitest'
import { describeReason, reasonCodes, reasons, renamedReasons } from '../../../src/domain/findings/reasons.ts'

describe('the reason codes', () => {
  test.each(reasonCodes)('%s is a word for programs, with one sentence for people', (code) => {
    expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    const { message } = describeReason(code)
    expect(message).toMatch(/^[A-Z].{10,}\.$/s)
    expect(message).not.toMatch(/\n| {2}/)
  })

  test('each says something of its own', () => {
    const messages = reasonCodes.map((code) => reasons[code].message)
    expect(messages.filter((message, i) => messages.indexOf(message) !== i)).toEqual([])
  })

  test('a reason is shown as its code and its sentence', () => {
    expect(describeReason('as-expected')).toEqual({
      code: 'as-expected',
      message: 'The observation is what the rule expects.',
    })
  })

  test('a reason is shown with the senders of ICMP messages, each once', () => {
    const rejected = (rejectedBy: string) => ({ rejectedBy })
    const addresses = { a: rejected('10.0.0.254'), b: {}, c: rejected('10.0.0.254'), d: rejected('10.0.0.1') }
    expect(describeReason('as-expected', { addresses }).message).toBe(
      'The observation is what the rule expects. ICMP sender: 10.0.0.1, 10.0.0.254.',
    )
    const { message } = describeReason('as-expected')
    expect(describeReason('as-expected', null).message).toBe(message)
    expect(describeReason('as-expected', { addresses: { a: {} } }).message).toBe(message)
  })

  test('a renamed code is known by its present name only', () => {
    for (const [earlier, present] of Object.entries(renamedReasons)) {
      expect(reasonCodes).not.toContain(earlier)
      expect(reasonCodes).toContain(present)
    }
  })
})
