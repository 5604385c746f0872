import { once } from 'node:events'
import { closeSync, writeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { Worker } from 'node:worker_threads'
import { moduleBeside } from '../../../../runtime/beside.ts'
import { createQueue } from '../../../../runtime/queue.ts'
import { type Address, parseLiteral } from '../../ip-literal.ts'
import { type CancelSignal, type ConnectAttempt, type Connector, type ConnectResult, notLiteral } from '../connector.ts'
import { adopt, readIcmp, writeSockaddr } from './records.ts'
import { fields, mapSlots, memorySize, noticed, outcomes, type Slots, sleeping, stopping } from './slots.ts'
import type { Ready, ThreadData } from './thread.ts'

interface SystemConnectorOptions {
  /** The limit of concurrent attempts; further ones wait. */
  attempts: number
  /** Serves after the thread has ended by itself. */
  fallback: Connector
  log: (reason: string) => void
}

interface Entry {
  attempt: ConnectAttempt
  ip: Address
  signal: CancelSignal | undefined
  settle: (result: ConnectResult) => void
  /** Negative while it waits for one. */
  slot: number
}

const canceled: ConnectResult = { outcome: 'canceled', immediate: true, elapsedMs: 0 }

/** Opens a connector that makes its system calls on a thread of its own. Rejects where that is not possible. */
export async function openSystemConnector(options: SystemConnectorOptions): Promise<Connector> {
  const count = options.attempts
  const memory = new SharedArrayBuffer(memorySize(count))
  const workerData: ThreadData = { memory, count }
  const thread = new Worker(moduleBeside('thread', import.meta.url), {
    workerData,
    execArgv: [],
    name: 'connector',
    resourceLimits: { maxYoungGenerationSizeMb: 2 }, // it keeps nothing, and leaves little garbage
  })
  const [ready] = (await once(thread, 'message')) as [Ready]
  return createSystemConnector(mapSlots(memory, count), { ...options, ...ready, thread })
}

interface ThreadHandle extends Ready {
  thread: Worker
}

function createSystemConnector(
  slots: Slots,
  { attempts: count, fallback, log, thread, wake, poll }: SystemConnectorOptions & ThreadHandle,
): Connector {
  const { requests, results, signals } = slots
  const free = Array.from({ length: count }, (_, i) => count - 1 - i)
  const entries: (Entry | undefined)[] = new Array(count).fill(undefined)
  const waiting = createQueue<Entry>()
  let state: 'open' | 'closed' | 'crashed' = 'open'

  const rouse = () => {
    if (Atomics.compareExchange(signals, sleeping, 1, 0) === 1) writeSync(wake, one)
  }
  const begin = (entry: Entry) => {
    const slot = free.pop()
    if (slot === undefined) return waiting.push(entry)
    if (free.length === count - 1) thread.ref() // the first in flight
    entry.slot = slot
    entries[slot] = entry
    writeRequest(slots, slot, entry)
    requests.push(slot)
    rouse()
  }
  const cancel = (entry: Entry) => {
    if (entry.slot < 0) return entry.settle(canceled)
    requests.push(~entry.slot)
    rouse()
  }
  const finish = (slot: number, read: typeof readResult) => {
    const entry = entries[slot]
    if (!entry) return
    entries[slot] = undefined
    free.push(slot)
    entry.settle(read(slots, slot, entry))
  }
  const drain = () => {
    Atomics.store(signals, noticed, 0)
    for (let slot = results.shift(); slot !== undefined; slot = results.shift()) finish(slot, readResult)
    while (free.length > 0 && state === 'open') {
      const next = waiting.shift()
      if (!next) break
      if (!next.signal?.aborted) begin(next)
    }
    if (free.length === count && state === 'open') thread.unref()
  }
  const stopThread = () => {
    Atomics.store(signals, stopping, 1)
    writeSync(wake, one)
  }
  const endAll = () => {
    drain()
    for (let slot = 0; slot < count; slot += 1) finish(slot, readLost)
    for (let next = waiting.shift(); next; next = waiting.shift()) if (!next.signal?.aborted) next.settle(canceled)
    closeSync(wake)
    closeSync(poll)
    process.off('exit', stopThread)
  }

  thread.on('message', drain)
  thread.on('error', (error) => log(`the thread of the connector failed: ${error}`))
  const ended = once(thread, 'exit').then(() => {
    if (state === 'open') state = 'crashed'
    endAll()
  })
  process.on('exit', stopThread) // Node waits for its threads, and this one waits in the kernel
  thread.unref()

  return {
    get knowsIcmp() {
      return state !== 'crashed'
    },
    connect(attempt, signal) {
      if (state === 'crashed') return fallback.connect(attempt, signal)
      const ip = parseLiteral(attempt.address)
      if (!ip) return Promise.reject(new RangeError(notLiteral))
      if (state === 'closed' || signal?.aborted) return Promise.resolve(canceled)
      return new Promise((resolve) => {
        const entry: Entry = { attempt, ip, signal, settle: resolve, slot: -1 }
        if (signal) {
          const onAbort = () => cancel(entry)
          signal.addEventListener('abort', onAbort)
          entry.settle = (result) => {
            signal.removeEventListener('abort', onAbort)
            resolve(result)
          }
        }
        begin(entry)
      })
    },
    async close() {
      if (state === 'open') {
        state = 'closed'
        thread.ref()
        stopThread()
      }
      await Promise.all([ended, fallback.close()])
    },
  }
}

const one = new BigUint64Array([1n])

function writeRequest(slots: Slots, slot: number, { attempt, ip }: Entry): void {
  const { port, timeoutMs, ttl = 0, keep } = attempt
  const { view, field } = slots
  writeSockaddr(slots, slot, ip, port)
  view.setFloat64(field(slot, fields.ms), timeoutMs, true)
  view.setInt32(field(slot, fields.hops), ttl, true)
  view.setInt32(field(slot, fields.keep), Number(keep), true)
  view.setInt32(field(slot, fields.fd), -1, true)
}

function readResult(slots: Slots, slot: number, { signal }: Entry): ConnectResult {
  const { view, field } = slots
  const outcome = view.getInt32(field(slot, fields.outcome), true)
  const immediate = view.getInt32(field(slot, fields.immediate), true) === 1
  const elapsedMs = view.getFloat64(field(slot, fields.ms), true)
  const fd = view.getInt32(field(slot, fields.fd), true)
  if (signal?.aborted) {
    if (fd >= 0) closeSync(fd)
    return { outcome: 'canceled', immediate, elapsedMs }
  }
  if (outcome === outcomes.connected) {
    return { outcome: 'connected', immediate, elapsedMs, ...(fd >= 0 && { socket: adopt(fd) }) }
  }
  if (outcome < 0) return { outcome: outcome === outcomes.silent ? 'silent' : 'canceled', immediate, elapsedMs }
  const icmp = readIcmp(slots, slot)
  return { outcome: getSystemErrorName(-outcome), immediate, elapsedMs, ...(icmp && { icmp }) }
}

/** Of an attempt that the thread left behind: nothing is known of its end. */
function readLost({ view, field }: Slots, slot: number): ConnectResult {
  const fd = view.getInt32(field(slot, fields.fd), true)
  if (fd >= 0) closeSync(fd)
  return canceled
}
