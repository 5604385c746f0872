/** The sockets that this process may have open at once: in all, and to one host. */
interface BudgetLimits {
  sockets: number
  perHost: number
}

export interface Budget {
  /** Resolves when the host has a slot. Every slot that was got must be released. */
  acquire(host: string): Promise<void>
  release(host: string): void
}

interface Host {
  name: string
  held: number
  waiting: Queue<() => void>
  /** Stands in the line of hosts that are owed a slot. */
  inLine: boolean
}

const found = Promise.resolve()

/**
 * Shares the slots fairly: within a host first come, first served; among the hosts that wait, one slot each in turn, so that one
 * slow host with many checks cannot hold the others. Each step costs the same however many wait.
 */
export function createBudget({ sockets, perHost }: BudgetLimits): Budget {
  if (!(sockets >= 1 && perHost >= 1)) throw new RangeError('a budget needs at least one socket, in all and per host')
  const hosts = new Map<string, Host>()
  const line = createQueue<Host>()
  let free = sockets

  const enter = (name: string): Host => {
    const host: Host = { name, held: 0, waiting: createQueue(), inLine: false }
    hosts.set(name, host)
    return host
  }
  const joinLine = (host: Host) => {
    if (host.inLine || host.waiting.isEmpty() || host.held >= perHost) return
    host.inLine = true
    line.push(host)
  }
  const serveLine = () => {
    while (free > 0) {
      const host = line.shift()
      if (!host) return
      host.inLine = false
      host.held += 1
      free -= 1
      host.waiting.shift()?.()
      joinLine(host)
    }
  }

  return {
    acquire(name) {
      const host = hosts.get(name) ?? enter(name)
      // A free slot means that nobody is in line; a host below its cap then has nobody waiting either.
      if (free > 0 && host.held < perHost) {
        host.held += 1
        free -= 1
        return found
      }
      return new Promise((resolve) => {
        host.waiting.push(resolve)
        joinLine(host)
      })
    },
    release(name) {
      const host = hosts.get(name)
      if (!host || host.held === 0) throw new Error(`a slot of ${name} was released that nobody holds`)
      host.held -= 1
      free += 1
      joinLine(host)
      serveLine()
      if (host.held === 0 && host.waiting.isEmpty()) hosts.delete(name)
    },
  }
}

interface Queue<T> {
  push(value: T): void
  shift(): T | undefined
  isEmpty(): boolean
}

interface Link<T> {
  value: T
  next?: Link<T>
}

/** First in, first out. A linked list, because an array's shift() costs more the longer it is. */
function createQueue<T>(): Queue<T> {
  let first: Link<T> | undefined
  let last: Link<T> | undefined
  return {
    isEmpty: () => first === undefined,
    push(value) {
      const link: Link<T> = { value }
      if (last) last.next = link
      else first = link
      last = link
    },
    shift() {
      const link = first
      if (!link) return undefined
      first = link.next
      if (!first) last = undefined
      link.next = undefined // else a dead link in V8's old generation keeps alive all that came after it
      return link.value
    },
  }
}
