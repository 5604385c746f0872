import { describe, expect, test } from 'vitest'
import { createSeal } from '../../../src/operations/webhooks/seal.ts'

const key = (byte: number) => new Uint8Array(32).fill(byte)

describe('a sealed secret', () => {
  const seal = createSeal(() => [key(1)])
  const sealed = seal.close('whsec_x', 'one')

  test('opens with its key and for what it belongs to, and has a different ciphertext each time', () => {
    expect(seal.open(sealed, 'one')).toBe('whsec_x')
    expect(Buffer.from(seal.close('whsec_x', 'one')).equals(Buffer.from(sealed))).toBe(false)
    expect(Buffer.from(sealed).includes('whsec')).toBe(false)
  })

  test('does not open for something else, with another key, or changed', () => {
    expect(() => seal.open(sealed, 'two')).toThrow()
    expect(() => createSeal(() => [key(2)]).open(sealed, 'one')).toThrow()
    const changed = Uint8Array.from(sealed, (byte, i) => (i === sealed.length - 1 ? byte ^ 1 : byte))
    expect(() => seal.open(changed, 'one')).toThrow()
  })

  test('opens with an older key, and is outdated then', () => {
    const rotated = createSeal(() => [key(2), key(1)])
    expect([rotated.open(sealed, 'one'), rotated.isOutdated(sealed, 'one')]).toEqual(['whsec_x', true])
    const again = rotated.close('whsec_x', 'one')
    expect([createSeal(() => [key(2)]).open(again, 'one'), rotated.isOutdated(again, 'one')]).toEqual([
      'whsec_x',
      false,
    ])
  })
})
