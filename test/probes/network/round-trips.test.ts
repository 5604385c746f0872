import { expect, test } from 'vitest'
import { createRoundTrips } from '../../../src/probes/network/round-trips.ts'

const measure = ({ floorMs = 0 } = {}) => {
  let nowMs = 0
  const roundTrips = createRoundTrips({ floorMs, now: () => nowMs })
  return {
    ...roundTrips,
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

test('the timeout follows RFC 6298: three round trips after one sample, less as they stay the same, more as they vary', () => {
  const { add, timeoutMs } = measure()
  add('192.0.2.1', 100)
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(300)
  add('192.0.2.1', 100)
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(250)
  add('192.0.2.1', 300)
  // RTTVAR 3/4 × 37.5 + 1/4 × 200, SRTT 7/8 × 100 + 1/8 × 300
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(125 + 4 * 78.125)
})

test('the timeout is never below its floor', () => {
  const { add, timeoutMs } = measure({ floorMs: 200 })
  add('192.0.2.1', 0.2)
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(200)
})

test.each([
  { address: '192.0.2.1', neighbour: '192.0.2.254', stranger: '192.0.3.1' },
  { address: '2001:db8::1', neighbour: '2001:db8:0:0:ffff::', stranger: '2001:db8:0:1::1' },
])('$address shares its network with $neighbour and not with $stranger', ({ address, neighbour, stranger }) => {
  const { add, timeoutMs } = measure()
  add(address, 100)
  expect(timeoutMs(neighbour, 1_000)).toBe(300)
  expect(timeoutMs(stranger, 1_000)).toBeUndefined()
})

test('a response that is too old says nothing of the network now', () => {
  const { add, timeoutMs, pass } = measure()
  add('192.0.2.1', 100)
  pass(500)
  expect(timeoutMs('192.0.2.2', 500)).toBe(300)
  pass(1)
  expect(timeoutMs('192.0.2.2', 500)).toBeUndefined()
})

test('a response that may belong to the second SYN shows that the network responds, and is no sample', () => {
  const { add, timeoutMs, pass } = measure()
  add('192.0.2.1', 100)
  pass(400)
  add('192.0.2.2', 1_100)
  pass(400)
  expect(timeoutMs('192.0.2.1', 500)).toBe(300)
})

test('ten thousand networks are kept, those that responded last', () => {
  const { add, timeoutMs } = measure()
  const network = (i: number) => `10.${i >> 8}.${i & 255}.1`
  for (let i = 0; i < 10_000; i++) add(network(i), 100)
  add(network(0), 100)
  add('192.0.2.1', 100)
  expect(timeoutMs(network(0), 1_000)).toBeDefined()
  expect(timeoutMs(network(1), 1_000)).toBeUndefined()
})
