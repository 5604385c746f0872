import { describe, expect, test } from 'vitest'
import { createSeal } from '../../../src/operations/webhooks/seal.ts'

describe('a sealed secret', () => {
  const seal = createSeal(() => new Uint8Array(32).fill(1))
  const sealed = seal.close('whsec_x', 'one')

  test('opens with its key and for what it belongs to, and has a different ciphertext each time', () => {
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
