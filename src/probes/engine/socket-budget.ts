import { createQueue, type Queue } from '../../runtime/queue.ts'

/** How many sockets this process may have open, in all and to one host. */
interface BudgetLimits {
  sockets: number
  perHost: number
}

interface Slots {
  /** Resolves when the host has a slot, which the caller must release. */
  acquire(host: string): Promise<void>
  /** The same with a callback, which is called immediately if there is a slot. */
  whenFree(host: string, start: () => void): void
  release(host: string): void
}

export interface Budget extends Slots {
  /** The limit of all hosts together. */
  readonly sockets: number
  /** Half of the slots, without which no patient try may acquire one, so that silent peers leave slots to the others. */
  readonly patient: Slots
}

interface Host {
  name: string
  held: number
  waiting: Queue<() => void>
  /** Is in the line of hosts that wait for a slot. */
  inLine: boolean
}

export const createBudget = ({ sockets, perHost }: BudgetLimits): Budget => ({
  ...createSlots({ sockets, perHost }),
  sockets,
  patient: createSlots({ sockets: Math.ceil(sockets / 2), perHost: Math.ceil(perHost / 2) }),
})

/**
 * Shares the slots fairly: within a host first come, first served; among waiting hosts one slot each in turn, so that a
 * slow host with many checks cannot hold up the others. The cost of a step does not depend on how many wait.
 */
function createSlots({ sockets, perHost }: BudgetLimits): Slots {
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
      const start = host.waiting.shift()
      joinLine(host)
      start?.()
    }
  }

  const whenFree = (name: string, start: () => void) => {
    const host = hosts.get(name) ?? enter(name)
    if (free === 0 || host.held >= perHost) {
      host.waiting.push(start)
      return joinLine(host)
    }
    // With a free slot the line is empty, and no check of a host below its cap waits.
    host.held += 1
    free -= 1
    start()
  }

  return {
    whenFree,
    acquire: (name) => new Promise((resolve) => whenFree(name, resolve)),
    release(name) {
      const host = hosts.get(name)
      if (!host || host.held === 0) throw new Error(`a slot of ${name} was released that was not acquired`)
      host.held -= 1
      free += 1
      joinLine(host)
      serveLine()
      if (host.held === 0 && host.waiting.isEmpty()) hosts.delete(name)
    },
  }
}
