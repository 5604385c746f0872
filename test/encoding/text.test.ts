import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapeControls, isPlainText, showControls, truncate } from '../../src/encoding/text.ts'

test.each([
  ['plain text', 'OpenSSH_9.2p1 Debian', 'OpenSSH_9.2p1 Debian'],
  ['control bytes', 'a\x1b[2J\r\n\0\x7f', 'a\\x1b[2J\\x0d\\x0a\\x00\\x7f'],
  ['text beyond ASCII, byte for byte', 'é\u202e', '\\xc3\\xa9\\xe2\\x80\\xae'],
  ['bytes that are no text', Uint8Array.of(0xff, 0x41), '\\xffA'],
])('escapes %s', (_what, sent, escaped) => {
  expect(escapeControls(sent)).toBe(escaped)
})

test('is always printable ASCII and bounded', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), fc.nat(50), (sent, maxBytes) => {
      expect(escapeControls(sent, maxBytes)).toMatch(new RegExp(`^[ -~]{0,${4 * maxBytes}}$`))
    }),
  )
})

test.each([
  ['letters of any script', 'Zürich 東京 😀', true],
  ['tabs and line ends', 'a\tb\r\nc', true],
  ['marks of direction, as Hebrew and Arabic need them', 'a\u200f\u200e', true],
  ['an escape sequence', 'a\u001b[2J', false],
  ['the same in one character', 'a\u009b2J', false],
  ['DEL', '\u007f', false],
  ['NUL', '\u0000', false],
  ['an override of the direction', '\u202egpj.exe', false],
  ['an isolate', '\u2066', false],
  ['half a character', '\ud800', false],
])('plain text: %s', (_what, text, plain) => {
  expect(isPlainText(text)).toBe(plain)
})

test('control characters in JSON are shown as escapes, and it says the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = showControls(JSON.stringify([text]))
      expect(JSON.parse(shown)).toEqual([text])
      expect(shown).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u)
    }),
  )
})

describe('the start of a text', () => {
  test.each([
    ['that fits is the text', 'abc', 3, 'abc'],
    ['ends between letters', 'abcd', 3, 'abc'],
    ['never holds half a surrogate pair', 'ab😀', 3, 'ab'],
    ['never holds half a family', 'ab👩‍👩‍👧‍👦!', 6, 'ab'],
    ['never loses an accent of its last letter', 'abe\u0301!', 3, 'ab'],
    ['never holds half a flag', 'a🇩🇪!', 4, 'a'],
    [
      'is cut between code points where one character is longer than a name',
      `a${'\u0301'.repeat(200)}`,
      9,
      `a${'\u0301'.repeat(8)}`,
    ],
  ])('%s', (_, whole, max, start) => {
    expect(truncate(whole, max)).toBe(start)
  })

  test('is a well-formed prefix within the limit, and the next character would not fit', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (whole, max) => {
        const start = truncate(whole, max)
        expect(whole.startsWith(start) && start.length <= max && start.isWellFormed()).toBe(true)
        const [next] = new Intl.Segmenter('en').segment(whole.slice(start.length))
        if (next) expect(start.length + next.segment.length > max || whole === start).toBe(true)
      }),
    )
  })
})
