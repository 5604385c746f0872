import { expect, test } from 'vitest'
import { createLine } from '../../src/runtime/line.ts'

/** Tasks that end when the test says so, with the order in which they started. */
function controlled(concurrency: number) {
  const runInTurn = createLine(concurrency)
  const started: string[] = []
  const ends = new Map<string, () => void>()
  const run = (list: string, count: number) =>
    runInTurn(count, (index) => {
      const name = `${list}${index}`
      started.push(name)
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)))
    })
  const end = async (name: string) => {
    ends.get(name)?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { run, started, end }
}

test('no more tasks run than permitted, and one starts when another ends', async () => {
  const { run, started, end } = controlled(2)
  const results = run('a', 3)
  expect(started).toEqual(['a0', 'a1'])
  await end('a1')
  expect(started).toEqual(['a0', 'a1', 'a2'])
  await end('a2')
  await end('a0')
  await expect(results).resolves.toEqual(['a0', 'a1', 'a2'])
})

test('a list is completed before the next one of the same length begins', async () => {
  const { run, started, end } = controlled(2)
  void run('a', 3)
  void run('b', 3)
  await end('a0')
  await end('a1')
  expect(started).toEqual(['a0', 'a1', 'a2', 'b0'])
})

test('a short list goes before a long one that came first', async () => {
  const { run, started, end } = controlled(1)
  void run('long', 10)
  void run('short', 1)
  await end('long0')
  expect(started).toEqual(['long0', 'short0'])
})

test('an empty list has results', async () => {
  await expect(createLine(1)(0, () => expect.unreachable())).resolves.toEqual([])
})

test('a task that fails fails its list and holds up no other', async () => {
  const runInTurn = createLine(1)
  const failing = runInTurn(2, async (index) => {
    if (index === 0) throw new Error('of the task')
    return index
  })
  await expect(failing).rejects.toThrow('of the task')
  await expect(runInTurn(1, async () => 'done')).resolves.toEqual(['done'])
})
