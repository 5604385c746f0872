import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, digest, digestSteps } from '../../src/encoding/canonical-json.ts'

describe('canonical JSON (RFC 8785)', () => {
  test('is the example of section 3.2.2 of the RFC', () => {
    const value = {
      // biome-ignore lint/correctness/noPrecisionLoss: the RFC writes it so
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  test('sorts names by UTF-16 code units, as section 3.2.3 does', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6']
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']
    const value = Object.fromEntries(names.map((name) => [name, 0]))
    expect(canonicalJson(value)).toBe(`{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`)
  })

  test('sorts at every depth and keeps the order of lists', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, 1], a: {} })).toBe('{"a":{},"b":[{"c":2,"d":1},1]}')
  })

  test('leaves out members that are undefined', () => {
    expect(canonicalJson({ a: undefined, b: { c: undefined } })).toBe('{"b":{}}')
  })

  test('writes -0 as 0', () => {
    expect(canonicalJson([-0])).toBe('[0]')
  })

  test('keeps a member named __proto__', () => {
    expect(canonicalJson(JSON.parse('{"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1}}')
  })

  const impossible = [Number.NaN, Number.POSITIVE_INFINITY, 1n, undefined, [undefined], () => 1, new Date(0), '\ud800']
  test.each(impossible.map((value) => ({ value })))('refuses what JSON cannot hold: $value', ({ value }) => {
    expect(() => canonicalJson({ value: [value] })).toThrow(TypeError)
  })
})

describe('digest', () => {
  test('is the SHA-256 of the canonical JSON', () => {
    // printf '{"a":1,"b":2}' | sha256sum
    expect(digest({ b: 2, a: 1 })).toBe('43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777')
  })
})

describe('a digest in steps', () => {
  const digestOf = (value: unknown): [string, number] => {
    const steps = digestSteps(value)
    for (let count = 0; ; count++) {
      const { done, value } = steps.next()
      if (done) return [value, count]
    }
  }

  test('is that of the whole, of what JSON makes of any value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.date({ noInvalidDate: true }), (value, date) => {
        const request = { value, from: date, none: undefined, list: [undefined, { none: undefined, date }] }
        expect(digestOf(request)[0]).toBe(digest(JSON.parse(JSON.stringify(request))))
      }),
    )
  })

  test('has many steps for many values and for long ones', () => {
    for (const large of [Array(50_000).fill([]), Array(160).fill('x'.repeat(65_536))]) {
      const [sum, steps] = digestOf(large)
      expect(sum).toBe(digest(large))
      expect(steps).toBeGreaterThan(90)
    }
  })
})
