export const windowSeconds = 60
/** The number of recent clients whose counts are kept. */
export const maxClients = 5_000

export interface Count {
  used: number
  leftSeconds: number
}

/** Counts per client in windows of a minute from the first count. `now` is a monotonic clock in milliseconds. */
export function createCounter(now = () => performance.now()): (client: string) => Count {
  const windows = new Map<string, { used: number; endsAt: number }>()
  let last: string | undefined
  return (client) => {
    const at = Math.floor(now()) // fractions would add up to 61 seconds at times
    let window = windows.get(client)
    if (!window || window.endsAt <= at) window = { used: 0, endsAt: at + windowSeconds * 1000 }
    window.used += 1
    if (client !== last) windows.delete(client) // keeps the map in order of use
    windows.set(client, window)
    last = client
    if (windows.size > maxClients) {
      const [first] = windows.keys()
      if (first !== undefined) windows.delete(first)
    }
    return { used: window.used, leftSeconds: Math.ceil((window.endsAt - at) / 1000) }
  }
}
