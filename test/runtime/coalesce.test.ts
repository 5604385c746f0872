import { describe, expect, test } from 'vitest'
import { type CoalesceOptions, coalesce } from '../../src/runtime/coalesce.ts'

/** Work that records its groups and continues on demand. */
function heldWork(options: CoalesceOptions<number> = {}) {
  const groups: number[][] = []
  const held: (() => void)[] = []
  const arrivals: (() => void)[] = []
  const ask = coalesce(async (items: readonly number[]) => {
    groups.push([...items])
    const { promise, resolve } = Promise.withResolvers<void>()
    held.push(resolve)
    arrivals.shift()?.()
    await promise
    return items.map((item) => item * 2)
  }, options)
  const started = () => new Promise<void>((resolve) => arrivals.push(resolve))
  return { ask, groups, started, release: () => held.shift()?.() }
}

describe('work in groups', () => {
  test('starts immediately, and groups what arrives meanwhile', async () => {
    const { ask, groups, started, release } = heldWork()
    const first = started()
    const one = ask(1)
    await first
    const second = started()
    const others = [ask(2), ask(3)]
    release()
    await second
    release()
    expect(await Promise.all([one, ...others])).toEqual([2, 4, 6])
    expect(groups).toEqual([[1], [2, 3]])
  })

  test('has no more groups under way than it may', async () => {
    const { ask, groups, started, release } = heldWork({ concurrency: 2, maxSize: 1 })
    const two = Promise.all([started(), started()])
    const all = [1, 2, 3].map(ask)
    await two
    expect(groups).toEqual([[1], [2]])
    const third = started()
    release()
    await third
    release()
    release()
    expect(await Promise.all(all)).toEqual([2, 4, 6])
  })

  test('takes no more into a group than fits, but always something', async () => {
    const { ask, groups, started, release } = heldWork({ maxSize: 5, sizeOf: (item) => item })
    let next = started()
    const all = [9, 2, 3, 1].map(ask)
    for (const _ of [1, 2, 3]) {
      await next
      next = started()
      release()
    }
    await Promise.all(all)
    expect(groups).toEqual([[9], [2, 3], [1]])
  })

  test('does each by itself when a group fails, so that only the bad one fails', async () => {
    const groups: number[][] = []
    const ask = coalesce(async (items: readonly number[]) => {
      groups.push([...items])
      if (items.includes(2)) throw new Error('2 is bad')
      return items
    })
    const results = await Promise.allSettled([1, 2, 3].map(ask))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(groups).toEqual([[1, 2, 3], [1], [2], [3]])
  })

  test('does nothing again where what became of the group is in doubt', async () => {
    const groups: number[][] = []
    const lost = new Error('the connection broke')
    const ask = coalesce(
      async (items: readonly number[]) => {
        groups.push([...items])
        throw lost
      },
      { isUndone: (error) => error !== lost },
    )
    const results = await Promise.allSettled([1, 2].map(ask))
    expect(results).toEqual(Array(2).fill({ status: 'rejected', reason: lost }))
    expect(groups).toEqual([[1, 2]])
  })
})
