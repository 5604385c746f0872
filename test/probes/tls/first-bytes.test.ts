import { expect, test } from 'vitest'
import { recognize, recognizeEnded } from '../../../src/probes/tls/first-bytes.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

test.each([
  ['HTTP/1.1 400 Bad Request\r\n', 'http'],
  ['SSH-2.0-OpenSSH_9.2p1\r\n', 'ssh'],
  ['220 mail.lab.test ESMTP Postfix\r\n', 'smtp'],
  ['220-mail.lab.test SMTP ready\r\n220 go\r\n', 'smtp'],
  ['220 (vsFTPd 3.0.3)\r\n', 'other'],
  ['220', 'other'],
  ['* OK IMAP4rev1\r\n', 'other'],
  ['\x15\x03\x01\x00\x02\x02\x46', 'tls'],
  ['\x16\x03\x03\x00\x7a\x02', 'tls'],
  ['\x16\x05\x03\x00\x7a', 'other'],
  ['\x16\x03\x03\xff\xff', 'other'],
  ['\x17\x03\x03\x00\x10', 'other'],
  ['', 'nothing'],
])('%j is recognized as %s, whole or byte by byte', (text, spoke) => {
  expect(recognizeEnded(bytes(text))).toBe(spoke)
  for (let length = 0; length < text.length; length += 1) {
    expect([undefined, spoke]).toContain(recognize(bytes(text.slice(0, length))))
  }
})

test('an endless greeting is decided at the limit of kept bytes', () => {
  expect(recognize(bytes(`220 ${'x'.repeat(507)}`))).toBeUndefined()
  expect(recognize(bytes(`220 ${'x'.repeat(508)}`))).toBe('other')
})
