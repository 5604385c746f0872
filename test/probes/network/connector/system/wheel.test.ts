import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWheel } from '../../../../../src/probes/network/connector/system/wheel.ts'

const capacity = 50

test('an entry expires once, never early, at most a tick late, and not after its removal', () => {
  const step = fc.record({
    entry: fc.nat({ max: capacity - 1 }),
    ms: fc.oneof(fc.integer({ min: -5, max: 40 }), fc.integer({ min: 0, max: 30_000 })),
    remove: fc.boolean(),
    passMs: fc.oneof(fc.nat({ max: 10 }), fc.nat({ max: 20_000 })),
  })
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.array(step, { maxLength: 200 }), (start, steps) => {
      let now = start
      const wheel = createWheel(capacity, now)
      const model = new Map<number, number>()
      for (const { entry, ms, remove, passMs } of steps) {
        if (model.has(entry) || remove) {
          wheel.remove(entry)
          model.delete(entry)
        } else {
          wheel.add(entry, now + ms)
          model.set(entry, now + ms)
        }
        now += passMs
        const due = [...model].filter(([, endsAt]) => endsAt <= now).map(([one]) => one)
        expect([...wheel.expire(now)].sort((a, b) => a - b)).toEqual(due.sort((a, b) => a - b))
        for (const one of due) model.delete(one)
        const quietMs = wheel.quietMs(now, 1_000)
        expect(quietMs).toBeLessThanOrEqual(1_000)
        // After that wait a deadline is over by less than two ticks.
        const next = Math.min(...model.values())
        expect(now + quietMs).toBeLessThan(Math.max(now, next) + 8)
      }
    }),
    { numRuns: 300 },
  )
})
