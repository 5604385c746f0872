import { expect, test } from 'vitest'
import { createCounter, maxClients } from '../../../src/api/limits/window-counter.ts'

let now = 0
const start = () => {
  now = 1_000_000
  return createCounter(() => now)
}

test('a window starts with its first count, lasts a minute, and the next starts at zero', () => {
  const count = start()
  expect(count('a')).toEqual({ used: 1, leftSeconds: 60 })
  now += 59_001
  expect(count('a')).toEqual({ used: 2, leftSeconds: 1 })
  now += 999
  expect(count('a')).toEqual({ used: 1, leftSeconds: 60 })
})

test('a minute has sixty seconds for any fraction of a millisecond at its start', () => {
  const count = createCounter(() => now)
  const seconds = Array.from({ length: 1_000 }, (_, i) => {
    now = i * 18.1577
    return count(`who-${i}`).leftSeconds
  })
  expect(new Set(seconds)).toEqual(new Set([60]))
})

test('each is counted alone', () => {
  const count = start()
  count('a')
  now += 30_000
  expect(count('b')).toEqual({ used: 1, leftSeconds: 60 })
  expect(count('a')).toEqual({ used: 2, leftSeconds: 30 })
})

test('the least recent client is dropped first', () => {
  const count = start()
  count('early')
  count('late')
  count('early')
  for (let i = 2; i <= maxClients; i++) count(`other-${i}`)
  expect(count('early').used).toBe(3)
  expect(count('late').used).toBe(1)
})
