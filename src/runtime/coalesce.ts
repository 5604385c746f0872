export interface CoalesceOptions<T> {
  /** Groups that run at the same time; default: one. */
  concurrency?: number
  /** The largest sum of sizes in a group; default: unlimited. */
  maxSize?: number
  /** The size of an item; default: one. */
  sizeOf?: (item: T) => number
  /** Whether nothing was done when `work` failed with this error, so that items may be retried singly; default: always. */
  isUndone?: (error: unknown) => boolean
}

interface Waiting<T, R> extends PromiseWithResolvers<R> {
  item: T
}

/**
 * Groups concurrent calls: items that arrive while a group runs form the next one, so groups grow with the load. `work` returns
 * one result per item, in order. When it throws for a group, each item is retried alone, so that one bad item fails by itself.
 */
export function coalesce<T, R>(
  work: (items: readonly T[]) => Promise<readonly R[]>,
  {
    concurrency = 1,
    maxSize = Number.POSITIVE_INFINITY,
    sizeOf = () => 1,
    isUndone = () => true,
  }: CoalesceOptions<T> = {},
): (item: T) => Promise<R> {
  const waiting: Waiting<T, R>[] = []
  let running = 0

  const cut = () => {
    let size = 0
    const end = waiting.findIndex(({ item }, i) => {
      size += sizeOf(item)
      return i > 0 && size > maxSize
    })
    return waiting.splice(0, end === -1 ? waiting.length : end)
  }
  const run = async (group: readonly Waiting<T, R>[]): Promise<void> => {
    try {
      const results = await work(group.map(({ item }) => item))
      for (const [i, { resolve }] of group.entries()) resolve(results[i] as R)
    } catch (error) {
      if (group.length > 1 && isUndone(error)) await Promise.all(group.map((one) => run([one])))
      else for (const { reject } of group) reject(error)
    }
  }
  const start = async () => {
    if (running === concurrency || waiting.length === 0) return
    running += 1
    await run(cut())
    running -= 1
    void start()
  }
  return (item) => {
    const entry = { item, ...Promise.withResolvers<R>() }
    waiting.push(entry)
    setImmediate(start) // items of the same turn form one group
    return entry.promise
  }
}
