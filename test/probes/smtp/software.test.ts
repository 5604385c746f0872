import { expect, test } from 'vitest'
import { softwareOf } from '../../../src/probes/smtp/software.ts'

const date = 'Sun, 29 Nov 2026 18:00:00 +0000'

test.each<[string, string[], string]>([
  ['Postfix', ['mail.lab.test ESMTP Postfix (Debian/GNU)'], 'ESMTP Postfix (Debian/GNU)'],
  ['Exim, without its time', [`mail.lab.test ESMTP Exim 4.96 ${date}`], 'ESMTP Exim 4.96'],
  [
    'Sendmail, without its time',
    [`mail.lab.test ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2; ${date}; (No UCE/UBE)`],
    'ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2',
  ],
  [
    'Exchange, without its time and id',
    [`mx.lab.test Microsoft ESMTP MAIL Service ready at ${date} [BN8NAM11FT0042.eop-nam11.prod.example.com 08DE]`],
    'Microsoft ESMTP MAIL Service ready at',
  ],
  ['a session id between words', ['mx.example.com ESMTP 5b1f17b1804b1-477959a8 - gsmtp'], 'ESMTP - gsmtp'],
  ['a time of ctime', ['mail.lab.test ESMTP x Sun Nov 29 18:00:00 2026'], 'ESMTP x'],
  ['a time of RFC 3339', ['mail.lab.test ESMTP x 2026-11-29T18:00:00Z'], 'ESMTP x'],
  [
    'a name with a weekday in it',
    ['mail.lab.test -- Server ESMTP (Sun Java System Messaging Server 6.2)'],
    '-- Server ESMTP (Sun Java System Messaging Server 6.2)',
  ],
  ['the teaser of postscreen', ['mail.lab.test ESMTP teaser', 'mail.lab.test ESMTP Postfix'], 'ESMTP Postfix'],
  ['a notice after the greeting', ['mail.lab.test ESMTP x', 'No unsolicited mail.', ''], 'ESMTP x'],
  ['a host name alone', ['mail.lab.test'], ''],
  ['nothing', [''], ''],
  ['control bytes, escaped', ['h ESMTP \x1b[2J\xffend'], 'ESMTP \\x1b[2J\\xffend'],
])('of %s', (_, lines, software) => expect(softwareOf(lines)).toBe(software))

test('is bounded', () => expect(softwareOf([`h ${'a'.repeat(2_000)}`])).toHaveLength(300))

test('is found in linear time', () => {
  const startedAt = performance.now()
  for (const word of ['[', '<', 'Sun ', '1:', '2026-', 'a1']) softwareOf([`h ${word.repeat(2_000)}`])
  expect(performance.now() - startedAt).toBeLessThan(500)
})
