import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeMpint, encodeString, encodeText, encodeUint32, readFields } from '../../../src/probes/ssh/fields.ts'

const bytes = fc.uint8Array({ maxLength: 100 }).map((value) => Buffer.from(value))
const number = fc.bigInt({ min: 0n, max: 2n ** 600n })
const names = fc.array(fc.stringMatching(/^[a-z0-9@.+/=-]{1,64}$/), { maxLength: 5 })

describe('the data types of RFC 4251 section 5', () => {
  test.each([
    [0n, '00000000'],
    [0x9a378f9b2e332a7n, '0000000809a378f9b2e332a7'],
    [0x80n, '000000020080'],
  ])('encodes and decodes %s like the RFC example', (value, hex) => {
    expect(encodeMpint(value).toString('hex')).toBe(hex)
    expect(readFields(Buffer.from(hex, 'hex')).mpint()).toBe(value)
  })

  test('decodes what it encoded', () => {
    fc.assert(
      fc.property(bytes, number, names, fc.nat(0xffff_ffff), (string, value, list, count) => {
        const parts = [encodeString(string), encodeMpint(value), encodeText(list.join(',')), encodeUint32(count)]
        const fields = readFields(Buffer.concat(parts))
        const read = [fields.string(), fields.mpint(), fields.nameList(), fields.uint32()]
        expect([...read, fields.complete()]).toEqual([string, value, list, count, true])
      }),
    )
  })

  test('reports a truncated or overlong message as incomplete', () => {
    fc.assert(
      fc.property(bytes, number, names, fc.nat(), (string, value, list, at) => {
        const whole = Buffer.concat([encodeString(string), encodeMpint(value), encodeText(list.join(','))])
        for (const changed of [whole.subarray(0, at % whole.length), Buffer.concat([whole, Buffer.of(0)])]) {
          const fields = readFields(changed)
          fields.string()
          fields.mpint()
          fields.nameList()
          expect(fields.complete()).toBe(false)
        }
      }),
    )
  })

  test.each([
    ['leaves out empty names', 'a,,b,', ['a', 'b']],
    ['escapes what is not printable', 'a\x1b,é b', ['a\\x1b', '\\xe9 b']],
    ['takes a name longer than 64 bytes', 'a'.repeat(65), ['a'.repeat(65)]],
    ['ignores a NUL at the end', 'a,b\0', ['a', 'b']],
    ['knows the empty list', '', []],
  ])('%s in a list of names, as OpenSSH does', (_what, list, names) => {
    const fields = readFields(encodeString(Buffer.from(list, 'latin1')))
    expect([fields.nameList(), fields.complete()]).toEqual([names, true])
  })

  test('refuses a negative number', () => {
    const fields = readFields(encodeString(Buffer.of(0xed, 0xcc)))
    fields.mpint()
    expect(fields.complete()).toBe(false)
  })
})
