import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeControls } from '../../src/domain/text.ts'

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
