export const windowSeconds = 60
/** Those who were seen last have their counts; who was forgotten begins anew. */
export const remembered = 5_000

/** What one of them has done in the current window, and how long that lasts. */
export interface Count {
  used: number
  leftSeconds: number
}

/** Counts what each of many does, in windows of a minute; each begins with the first that is done in it. `now`: milliseconds of a clock that is never set. */
export function createCounter(now = () => performance.now()): (who: string) => Count {
  const windows = new Map<string, { used: number; endsAt: number }>()
  return (who) => {
    const at = Math.floor(now()) // sums of fractions are not exact: a minute would have 61 seconds at times
    let window = windows.get(who)
    if (!window || window.endsAt <= at) window = { used: 0, endsAt: at + windowSeconds * 1000 }
    window.used += 1
    windows.delete(who) // so that the first one is always the one that was seen least lately
    windows.set(who, window)
    const [first] = windows.keys()
    if (windows.size > remembered && first !== undefined) windows.delete(first)
    return { used: window.used, leftSeconds: Math.ceil((window.endsAt - at) / 1000) }
  }
}
