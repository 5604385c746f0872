import { describe, expect, test } from 'vitest'
import { lanesOf } from '../../../src/operations/webhooks/deliver.ts'
import { createSeal } from '../../../src/operations/webhooks/seal.ts'

describe('what must stay in order', () => {
  const at = (id: number, lane: string, series: string | null = null) => ({ id, lane, series })
  test.each([
    ['one audit', [at(1, 'a'), at(2, 'b'), at(3, 'a')], [[1, 3], [2]]],
    ['one series over audits', [at(1, 'a', 's'), at(2, 'b', 's'), at(3, 'c', 't')], [[1, 2], [3]]],
    ['what is connected by others', [at(1, 'a', 's'), at(2, 'b', 't'), at(3, 'b', 's'), at(4, 'c')], [[1, 2, 3], [4]]],
  ])('is %s', (_, due, lanes) => {
    expect(lanesOf(due).map((lane) => lane.map(({ id }) => id))).toEqual(lanes)
  })
})

describe('a sealed secret', () => {
  const seal = createSeal(() => new Uint8Array(32).fill(1))
  const sealed = seal.close('whsec_x', 'one')

  test('opens with its key and for what it belongs to, and never looks the same', () => {
    expect(seal.open(sealed, 'one')).toBe('whsec_x')
    expect(Buffer.from(seal.close('whsec_x', 'one')).equals(Buffer.from(sealed))).toBe(false)
    expect(Buffer.from(sealed).includes('whsec')).toBe(false)
  })

  test('does not open for something else, with another key, or changed', () => {
    expect(() => seal.open(sealed, 'two')).toThrow()
    expect(() => createSeal(() => new Uint8Array(32).fill(2)).open(sealed, 'one')).toThrow()
    const changed = Uint8Array.from(sealed, (byte, i) => (i === sealed.length - 1 ? byte ^ 1 : byte))
    expect(() => seal.open(changed, 'one')).toThrow()
  })
})
