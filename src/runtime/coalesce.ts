export interface CoalesceOptions<T> {
  /** Groups that are under way at the same time; default: one. */
  concurrency?: number
  /** How much one group is at the most; a single item may be more. Default: any number of items. */
  maxSize?: number
  /** How much an item is; default: one. */
  sizeOf?: (item: T) => number
  /** Whether after this error nothing is done for certain, so that each can be tried by itself; default: after any. */
  isUndone?: (error: unknown) => boolean
}

interface Waiting<T, R> extends PromiseWithResolvers<R> {
  item: T
}

/**
 * Does in groups what is asked for one by one: what comes while a group is under way waits, and is done together as the
 * next one. So nothing waits where little is to do, and groups grow with the load. `work` answers in the order of its items;
 * it does all of them or, when it throws, none: then each is done by itself, so that a bad one does not take others with it.
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
  let underWay = 0

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
    if (underWay === concurrency || waiting.length === 0) return
    underWay += 1
    await run(cut())
    underWay -= 1
    void start()
  }
  return (item) => {
    const entry = { item, ...Promise.withResolvers<R>() }
    waiting.push(entry)
    setImmediate(start) // what comes in the same turn belongs to the same group
    return entry.promise
  }
}
