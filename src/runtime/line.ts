/** Runs the tasks of a list, by index; resolves to their results in order. */
export type RunInTurn = <T>(count: number, task: (index: number) => Promise<T>) => Promise<T[]>

interface List {
  left: number
  startNext(): Promise<void>
}

/**
 * Runs lists of tasks, at most `concurrency` tasks at the same time. The list with the fewest tasks left goes first, so that lists
 * are completed one after the other, and a small one does not wait for the large ones before it. A task that waits costs nothing.
 */
export function createLine(concurrency: number): RunInTurn {
  const lists: List[] = []
  let running = 0

  const shortest = () => lists.reduce((least, list) => (list.left < least.left ? list : least), lists[0] as List)
  const startMore = () => {
    while (running < concurrency && lists.length > 0) {
      const list = shortest()
      list.left -= 1
      if (list.left === 0) lists.splice(lists.indexOf(list), 1)
      running += 1
      void list.startNext().then(() => {
        running -= 1
        startMore()
      })
    }
  }

  return <T>(count: number, task: (index: number) => Promise<T>) => {
    const { promise, resolve, reject } = Promise.withResolvers<T[]>()
    const results = new Array<T>(count)
    let next = 0
    let ended = 0
    if (count === 0) resolve(results)
    else {
      const startNext = async () => {
        const index = next++
        try {
          results[index] = await task(index)
        } catch (error) {
          reject(error) // the others run to their end
        }
        ended += 1
        if (ended === count) resolve(results)
      }
      lists.push({ left: count, startNext })
      startMore()
    }
    return promise
  }
}
