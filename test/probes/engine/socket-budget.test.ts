import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBudget } from '../../../src/probes/engine/socket-budget.ts'

/** Asks for slots and notes in which order they are given. */
function createCounter(limits: { sockets: number; perHost: number }) {
  const budget = createBudget(limits)
  const given: string[] = []
  return {
    budget,
    given,
    ask(host: string, name = host) {
      budget.acquire(host).then(() => given.push(name))
    },
    /** Lets every promise that is settled call back. */
    settled: () => new Promise(setImmediate),
  }
}

test('slots are given at once while there are any, and never more than that', async () => {
  const { ask, given, budget, settled } = createCounter({ sockets: 3, perHost: 3 })
  for (const host of ['a', 'b', 'c', 'd']) ask(host)
  await settled()
  expect(given).toEqual(['a', 'b', 'c'])
  budget.release('b')
  await settled()
  expect(given).toEqual(['a', 'b', 'c', 'd'])
})

test('a host gets no more than its share, though there are free slots', async () => {
  const { ask, given, budget, settled } = createCounter({ sockets: 10, perHost: 2 })
  for (const name of ['a1', 'a2', 'a3']) ask('a', name)
  ask('b')
  await settled()
  expect(given).toEqual(['a1', 'a2', 'b'])
  budget.release('a')
  await settled()
  expect(given).toEqual(['a1', 'a2', 'b', 'a3'])
})

test('the hosts that wait get a slot each in turn, however many checks one of them has', async () => {
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

test('a slow host that holds all of its share does not hold the others', async () => {
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

test('a slot that nobody holds cannot be released, and a budget needs slots', () => {
  expect(() => createBudget({ sockets: 1, perHost: 1 }).release('a')).toThrow()
  expect(() => createBudget({ sockets: 0, perHost: 1 })).toThrow(RangeError)
  expect(() => createBudget({ sockets: 1, perHost: Number.NaN })).toThrow(RangeError)
})

test('whatever the order of checks and ends: no limit is passed, no slot is idle while somebody may have it, all are served', async () => {
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
