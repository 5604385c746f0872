import { expect, test } from 'vitest'
import { Tries } from '../../../src/probes/engine/tries.ts'

const silence = { result: 'silence', isSilent: true }
const response = { result: 'response', isSilent: false }

/** Tries that the test ends; `started` resolves when a number of them was started. */
function controlled({
  overlapMs = () => 1 as number | undefined,
  spacingMs = 1,
  connected = false,
}: {
  overlapMs?: () => number | undefined
  spacingMs?: number
  connected?: boolean
} = {}) {
  const running: (PromiseWithResolvers<typeof silence> & { isLast: boolean })[] = []
  const waiting = new Map<number, () => void>()
  const { promise: result, resolve, reject } = Promise.withResolvers<{ result: string; attempts: number }>()
  class Controlled extends Tries<string> {
    overlapMs = overlapMs
    broke = reject
    start(isLast: boolean) {
      const one = { ...Promise.withResolvers<typeof silence>(), isLast }
      one.promise.then(
        (end) => this.ended(end.result, end.isSilent),
        (error) => this.failed(error),
      )
      running.push(one)
      this.sent()
      waiting.get(running.length)?.()
      return { isSilent: () => !connected }
    }
    decided(decisive: string, attempts: number) {
      resolve({ result: decisive, attempts })
    }
  }
  new Controlled({ tries: 3, spacingMs }).startNext()
  return {
    running,
    result,
    started: (count: number) =>
      running.length >= count ? undefined : new Promise<void>((resolve) => waiting.set(count, resolve)),
    end: (index: number, how: typeof silence) => running[index]?.resolve(how),
  }
}

test('while the network responds, the next try begins beside a silent one', async () => {
  const { started, end, result, running } = controlled()
  await started(3)
  expect(running.map(({ isLast }) => isLast)).toEqual([false, false, true])
  for (const index of [0, 1, 2]) end(index, silence)
  await expect(result).resolves.toEqual({ result: 'silence', attempts: 3 })
})

test('silence is reported only when every try has ended', async () => {
  const { started, end, result } = controlled()
  await started(3)
  end(2, silence)
  end(1, silence)
  const first = await Promise.race([result, new Promise((resolve) => setImmediate(resolve, 'still waiting'))])
  expect(first).toBe('still waiting')
  end(0, response)
  await expect(result).resolves.toEqual({ result: 'response', attempts: 3 })
})

test('a late response to the first try counts while the second waits', async () => {
  const { started, end, result, running } = controlled()
  await started(2)
  end(0, response)
  await expect(result).resolves.toEqual({ result: 'response', attempts: running.length })
})

test('while no neighbour responds, a try follows only when the one before it has ended', async () => {
  const { started, end, result, running } = controlled({ overlapMs: () => undefined })
  for (const count of [1, 2, 3]) {
    await started(count)
    await new Promise((resolve) => setTimeout(resolve, 20)) // long enough for an overlapping try, which would be wrong
    expect(running).toHaveLength(count)
    end(count - 1, silence)
  }
  await expect(result).resolves.toEqual({ result: 'silence', attempts: 3 })
})

test('a network that begins to respond lets the next try begin', async () => {
  let responds = false
  const { started, running } = controlled({ overlapMs: () => (responds ? 1 : undefined) })
  expect(running).toHaveLength(1)
  responds = true
  await started(3)
})

test('a peer that has accepted a connection gets no second one beside it', async () => {
  const { started, end, result, running } = controlled({ connected: true })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(running).toHaveLength(1)
  end(0, silence)
  await started(2)
  end(1, response)
  await expect(result).resolves.toEqual({ result: 'response', attempts: 2 })
})

test('a response to the first try starts no other', async () => {
  const { end, result, running } = controlled({ overlapMs: () => 1_000 })
  end(0, response)
  await expect(result).resolves.toEqual({ result: 'response', attempts: 1 })
  expect(running).toHaveLength(1)
})

test('a try that fails fails the check', async () => {
  const { running, result } = controlled({ overlapMs: () => 1_000 })
  running[0]?.reject(new Error('of the prober'))
  await expect(result).rejects.toThrow('of the prober')
})
