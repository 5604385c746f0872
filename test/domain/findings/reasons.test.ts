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

  test('a renamed code is known by its present name only', () => {
    for (const [earlier, present] of Object.entries(renamedReasons)) {
      expect(reasonCodes).not.toContain(earlier)
      expect(reasonCodes).toContain(present)
    }
  })
})
