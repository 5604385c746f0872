import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isHost } from '../../../src/domain/findings/endpoint.ts'

describe('a host', () => {
  test.each([
    '10.0.0.1',
    '255.255.255.255',
    '::1',
    '::ffff:10.0.0.1',
    'fd00::1',
    'localhost',
    'epp-01.corp.example',
    'EPP-01.Corp.Example.',
    '_ldap._tcp.dc_1.corp.example',
    '3com.example',
    '1.2.3.example',
    'xn--bcher-kva.example',
    `${'a'.repeat(63)}.example`,
  ])('may be %s', (host) => {
    expect(isHost(host)).toBe(true)
  })

  test.each([
    '',
    '.',
    '..',
    'a..b',
    '.a',
    // what inet_aton() would read as an address in disguise
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '017700000001',
    '2130706433',
    '127.0.0.01',
    '127.0.0.1.',
    '1.2.3.4.5',
    'a.0x',
    // what is more than a host
    'fe80::1%eth0',
    '[::1]',
    'host:443',
    'http://host',
    'host/path',
    'user@host',
    'a b',
    ' host',
    'host\n',
    'host\0',
    '-a.example',
    'a-.example',
    'bücher.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(126)}ab`,
    '*',
  ])('may not be %j', (host) => {
    expect(isHost(host)).toBe(false)
  })

  test('may be every IP address, and no other text of digits, dots and hexadecimal', () => {
    const numericText = fc.string({ unit: fc.constantFrom(...'0123456789xX.'), minLength: 1, maxLength: 20 })
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => isHost(address)))
    fc.assert(
      fc.property(numericText, (text) => {
        const last = text.replace(/\.$/, '').split('.').at(-1) ?? ''
        if (isIP(text) === 0 && /^(\d+|0x[\da-f]*)$/i.test(last)) expect(isHost(text)).toBe(false)
      }),
    )
  })

  test('may be every domain name', () => {
    fc.assert(fc.property(fc.domain(), (name) => isHost(name)))
  })
})
