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
  const { answered, timeoutMs } = measure()
  answered('192.0.2.1', 100)
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(300)
  answered('192.0.2.1', 100)
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(250)
  answered('192.0.2.1', 300)
  // RTTVAR 3/4 × 37.5 + 1/4 × 200, SRTT 7/8 × 100 + 1/8 × 300
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(125 + 4 * 78.125)
})

test('the timeout is never below its floor', () => {
  const { answered, timeoutMs } = measure({ floorMs: 200 })
  answered('192.0.2.1', 0.2)
  expect(timeoutMs('192.0.2.1', 1_000)).toBe(200)
})

test.each([
  { address: '192.0.2.1', neighbour: '192.0.2.254', stranger: '192.0.3.1' },
  { address: '2001:db8::1', neighbour: '2001:db8:0:0:ffff::', stranger: '2001:db8:0:1::1' },
])('$address shares its network with $neighbour and not with $stranger', ({ address, neighbour, stranger }) => {
  const { answered, timeoutMs } = measure()
  answered(address, 100)
  expect(timeoutMs(neighbour, 1_000)).toBe(300)
  expect(timeoutMs(stranger, 1_000)).toBeUndefined()
})

test('an answer that is too old says nothing of the network now', () => {
  const { answered, timeoutMs, pass } = measure()
  answered('192.0.2.1', 100)
  pass(500)
  expect(timeoutMs('192.0.2.2', 500)).toBe(300)
  pass(1)
  expect(timeoutMs('192.0.2.2', 500)).toBeUndefined()
})

test('an answer that may belong to the second SYN shows that the network answers, and is no sample', () => {
  const { answered, timeoutMs, pass } = measure()
  answered('192.0.2.1', 100)
  pass(400)
  answered('192.0.2.2', 1_100)
  pass(400)
  expect(timeoutMs('192.0.2.1', 500)).toBe(300)
})

test('ten thousand networks are kept, those that answered last', () => {
  const { answered, timeoutMs } = measure()
  const network = (i: number) => `10.${i >> 8}.${i & 255}.1`
  for (let i = 0; i < 10_000; i++) answered(network(i), 100)
  answered(network(0), 100)
  answered('192.0.2.1', 100)
  expect(timeoutMs(network(0), 1_000)).toBeDefined()
  expect(timeoutMs(network(1), 1_000)).toBeUndefined()
})
