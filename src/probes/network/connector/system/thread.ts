import { parentPort, workerData } from 'node:worker_threads'
import { createAttempts } from './attempts.ts'
import { eventBatch, loadCalls } from './calls.ts'
import { constants as c } from './layout.ts'
import { mapSlots, noticed, sleeping, stopping } from './slots.ts'

/** What the thread receives at its start. */
export interface ThreadData {
  memory: SharedArrayBuffer
  count: number
}

/** Its first message; all further messages mean that results are ready. */
export interface Ready {
  /** The eventfd(2) that ends its wait; its user closes it and the epoll set after the thread. */
  wake: number
  poll: number
}

// Connects that start before the thread attends to those that ended, so that it sees each end soon.
const startBatch = 16
// Bounds how long the thread outlives an environment that ends without the exit event.
const longestWaitMs = 1_000
const wakeEvent = 0x7fffffff

const { memory, count } = workerData as ThreadData
const port = parentPort
if (!port) throw new Error('this module is the program of a worker thread')
const slots = mapSlots(memory, count)
const { requests, results, signals } = slots
const calls = loadCalls()
const ok = (result: number): number => {
  if (result < 0) throw new Error(`a system call failed with errno ${-result}`)
  return result
}
const poll = ok(calls.openPoll())
const wake = ok(calls.openCounter())
ok(calls.watch(poll, wake, c.EPOLLIN, wakeEvent))
// With a wrong layout of epoll_event the data would not come back.
if (ok(calls.wait(poll, 0)) !== 1 || calls.eventData(0) !== wakeEvent) throw new Error('epoll_event has another layout')
ok(calls.resetCounter(wake))
let ended = 0
const attempts = createAttempts({
  calls,
  slots,
  count,
  poll,
  onEnd(slot) {
    results.push(slot)
    ended += 1
  },
})

function start(): boolean {
  for (let started = 0; started < startBatch; ) {
    const request = requests.shift()
    if (request === undefined) return false
    if (request < 0) attempts.cancel(~request)
    else {
      attempts.begin(request)
      started += 1
    }
  }
  return true
}

function wait(hasMore: boolean): void {
  const before = performance.now()
  // What has ended without an event is reported without one.
  let ms = hasMore || ended > 0 ? 0 : Math.ceil(attempts.quietMs(before, longestWaitMs))
  if (ms > 0) {
    // The order matters: a request that comes after the check finds the flag, and wakes this thread.
    Atomics.store(signals, sleeping, 1)
    if (!requests.isEmpty() || Atomics.load(signals, stopping) === 1) ms = 0
  }
  const events = calls.wait(poll, ms)
  Atomics.store(signals, sleeping, 0)
  const seenAt = performance.now()
  if (events < 0 && events !== -c.EINTR) ok(events)
  for (let index = 0; index < events; index += 1) {
    const slot = calls.eventData(index)
    if (slot === wakeEvent) calls.resetCounter(wake)
    else attempts.conclude(slot, seenAt)
  }
  // By the time before the wait, and only after every event: what the kernel held by then has been seen.
  if (events < eventBatch) attempts.expire(before)
}

function notify(): void {
  if (ended === 0) return
  ended = 0
  if (Atomics.exchange(signals, noticed, 1) === 0) port?.postMessage(null)
}

port.postMessage({ wake, poll } satisfies Ready)
while (Atomics.load(signals, stopping) === 0) {
  const hasMore = start()
  wait(hasMore)
  notify()
}
attempts.cancelAll()
