import { isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseLiteral } from '../../../src/probes/network/ip-literal.ts'

/** The address as the operating system parses it, with all eight groups. */
function readBySystem(text: string): string {
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  const [, head = address, dotted = ''] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? []
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number)
  const plain = dotted === '' ? address : `${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  const [left = [], right] = plain.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = Array.from({ length: right ? 8 - left.length - right.length : 0 }, () => '0')
  return [...left, ...zeros, ...(right ?? [])].join(':')
}

const group = fc.oneof(
  fc.constantFrom('0', 'ffff', '5efe', '64'),
  fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16)),
)
const tail = fc.oneof(fc.ipV4(), group)
const spelling = fc
  .tuple(fc.array(group, { maxLength: 7 }), fc.array(group, { maxLength: 7 }), tail)
  .map(([left, right, end]) => `${left.join(':')}::${[...right, end].join(':')}`)

test('an IPv6 address is parsed like the operating system parses it, in any spelling', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), spelling).filter(isIPv6), (text) => {
      const ours = parseLiteral(text)
      const system = readBySystem(text)
      const inIPv6 = ours && ('octets' in ours ? ours.toIPv4MappedAddress() : ours)
      expect(inIPv6?.toNormalizedString()).toBe(system)
    }),
    { numRuns: 2_000, examples: [['::10.0.0.1'], ['::1.2.3.4'], ['::ffff:1.2.3.4'], ['::'], ['::1'], ['1::']] },
  )
})

test('anything but a plain address is rejected', () => {
  for (const text of [
    '',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '010.0.0.1',
    '1.2.3.4.',
    'fe80::1%lo',
    '[::1]',
    ' ::1',
    '::1/128',
  ]) {
    expect(parseLiteral(text), text).toBeUndefined()
  }
})
