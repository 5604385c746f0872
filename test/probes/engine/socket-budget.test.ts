import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBudget } from '../../../src/probes/engine/socket-budget.ts'

/** Requests slots and records the order in which they are given. */
function createCounter(limits: { sockets: number; perHost: number }) {
  const budget = createBudget(limits)
  const given: string[] = []
  return {
    budget,
    given,
    ask(host: string, name = host) {
      budget.acquire(host).then(() => given.push(name))
    },
    /** Runs the callbacks of every settled promise. */
    settled: () => new Promise(setImmediate),
  }
}

test('slots are given immediately up to the limit', async () => {
  const { ask, given, budget, settled } = createCounter({ sockets: 3, perHost: 3 })
  for (const host of ['a', 'b', 'c', 'd']) ask(host)
  await settled()
  expect(given).toEqual(['a', 'b', 'c'])
  budget.release('b')
  await settled()
  expect(given).toEqual(['a', 'b', 'c', 'd'])
})

test('patient tries get half of the slots, in all and of a host', async () => {
  const { budget, settled } = createCounter({ sockets: 5, perHost: 3 })
  const given: string[] = []
  for (const host of ['a', 'a', 'a', 'b', 'c']) budget.patient.acquire(host).then(() => given.push(host))
  await settled()
  expect(given).toEqual(['a', 'a', 'b'])
  budget.patient.release('b')
  await settled()
  expect(given).toEqual(['a', 'a', 'b', 'c'])
})

test('a host gets at most its share, even if slots are free', async () => {
  const { ask, given, budget, settled } = createCounter({ sockets: 10, perHost: 2 })
  for (const name of ['a1', 'a2', 'a3']) ask('a', name)
  ask('b')
  await settled()
  expect(given).toEqual(['a1', 'a2', 'b'])
  budget.release('a')
  await settled()
  expect(given).toEqual(['a1', 'a2', 'b', 'a3'])
})

test('waiting hosts get slots in turn, regardless of their number of checks', async () => {
  const { ask, given, budget, settled } = createCounter({ sockets: 1, perHost: 1 })
  ask('first')
  for (const name of ['slow1', 'slow2', 'slow3']) ask('slow', name)
  ask('b', 'b1')
  ask('b', 'b2')
  ask('c')
  await settled()
  for (const host of ['first', 'slow', 'b', 'c', 'slow', 'b']) {
    budget.release(host)
    await settled()
  }
  expect(given).toEqual(['first', 'slow1', 'b1', 'c', 'slow2', 'b2', 'slow3'])
})

test('a slow host with all of its share does not block other hosts', async () => {
  const { ask, given, budget, settled } = createCounter({ sockets: 3, perHost: 2 })
  for (let check = 0; check < 100; check += 1) ask('slow')
  for (let check = 0; check < 100; check += 1) ask(`quick${check}`)
  for (let check = 0; check < 100; check += 1) {
    await settled()
    budget.release(`quick${check}`)
  }
  expect(given.filter((name) => name.startsWith('quick'))).toHaveLength(100)
  expect(given.filter((name) => name === 'slow')).toHaveLength(2)
})

test('an unheld slot cannot be released, and a budget needs slots', () => {
  expect(() => createBudget({ sockets: 1, perHost: 1 }).release('a')).toThrow()
  expect(() => createBudget({ sockets: 0, perHost: 1 })).toThrow(RangeError)
  expect(() => createBudget({ sockets: 1, perHost: Number.NaN })).toThrow(RangeError)
})

test('in any order of checks, no limit is exceeded, no usable slot is idle, and all are served', async () => {
  const limits = fc.record({ sockets: fc.integer({ min: 1, max: 6 }), perHost: fc.integer({ min: 1, max: 4 }) })
  const steps = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'c', 'd'), fc.constant(null)), { maxLength: 80 })
  await fc.assert(
    fc.asyncProperty(limits, steps, async ({ sockets, perHost }, hosts) => {
      const { ask, given, budget, settled } = createCounter({ sockets, perHost })
      const held: string[] = []
      const waiting: string[] = []
      const of = (host: string, list: string[]) => list.filter((name) => name === host).length
      const check = async () => {
        await settled()
        for (const host of given.splice(0)) {
          held.push(host)
          waiting.splice(waiting.indexOf(host), 1)
        }
        expect(held.length).toBeLessThanOrEqual(sockets)
        for (const host of held) expect(of(host, held)).toBeLessThanOrEqual(perHost)
        const idle = held.length < sockets ? waiting.filter((host) => of(host, held) < perHost) : []
        expect(idle).toEqual([])
      }
      const end = () => {
        const host = held.shift()
        if (host !== undefined) budget.release(host)
      }
      for (const host of hosts) {
        if (host === null) end()
        else {
          waiting.push(host)
          ask(host)
        }
        await check()
      }
      while (held.length > 0) {
        end()
        await check()
      }
      expect(waiting).toEqual([])
    }),
    { numRuns: 200 },
  )
})
