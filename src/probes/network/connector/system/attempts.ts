import type { Calls } from './calls.ts'
import { constants as c } from './layout.ts'
import { fields, outcomes, type Slots } from './slots.ts'
import { createWheel } from './wheel.ts'

/** Attempts in flight, on the thread of the connector. */
export interface Attempts {
  begin(slot: number): void
  cancel(slot: number): void
  /** The kernel reported an event for the attempt at this time. */
  conclude(slot: number, now: number): void
  expire(now: number): void
  quietMs(now: number, most: number): number
  cancelAll(): void
}

interface AttemptParts {
  calls: Calls
  slots: Slots
  count: number
  /** The epoll set. */
  poll: number
  onEnd: (slot: number) => void
}

export function createAttempts({ calls, slots, count, poll, onEnd }: AttemptParts): Attempts {
  const { view, field, sockaddrOffset } = slots
  const memory = new Uint8Array(view.buffer)
  const base = calls.address(memory)
  const active = new Uint8Array(count)
  const startedAt = new Float64Array(count)
  const sockaddrs = Array.from({ length: count }, (_, slot) => slots.sockaddr(slot))
  const wheel = createWheel(count, performance.now())

  const descriptor = (slot: number): number => view.getInt32(field(slot, fields.fd), true)
  const end = (slot: number, outcome: number, now: number, ms = now - (startedAt[slot] as number)) => {
    active[slot] = 0
    wheel.remove(slot)
    view.setInt32(field(slot, fields.outcome), outcome, true)
    view.setFloat64(field(slot, fields.ms), ms, true)
    onEnd(slot)
  }
  const close = (slot: number, outcome: number, now: number, ms?: number) => {
    const fd = descriptor(slot)
    // close() alone leaves it there while a process that was just forked has a copy, whose events would be of the next attempt.
    calls.unwatch(poll, fd)
    view.setInt32(field(slot, fields.fd), -1, true) // first, so that it is closed once if the thread ends here
    calls.close(fd)
    end(slot, outcome, now, ms)
  }
  const readError = (slot: number, fd: number) => {
    const error = calls.takeQueuedError(fd)
    if (!error) return
    view.setUint8(field(slot, fields.icmpOrigin), error.origin)
    view.setUint8(field(slot, fields.icmpType), error.type)
    view.setUint8(field(slot, fields.icmpCode), error.code)
    view.setUint8(field(slot, fields.senderSize), error.sender.length)
    memory.set(error.sender, field(slot, fields.sender))
  }
  const established = (slot: number, fd: number, now: number) => {
    // RFC 9293 simultaneous open: on a local address without a listener a socket may connect to itself.
    if (calls.isLocalEnd(fd, sockaddrs[slot] as Uint8Array)) return close(slot, c.ECONNREFUSED, now)
    const ms = calls.handshakeMs(fd) // this thread may have been late to see its end
    if (view.getInt32(field(slot, fields.keep), true) === 0) return close(slot, outcomes.connected, now, ms)
    calls.unwatch(poll, fd)
    calls.queueErrors(fd, view.getInt32(field(slot, fields.family), true), false) // else ICMP messages end the connection
    end(slot, outcomes.connected, now, ms)
  }

  return {
    begin(slot) {
      const family = view.getInt32(field(slot, fields.family), true)
      const timeoutMs = view.getFloat64(field(slot, fields.ms), true)
      const hops = view.getInt32(field(slot, fields.hops), true)
      view.setInt32(field(slot, fields.immediate), 1, true)
      view.setUint8(field(slot, fields.icmpOrigin), 0)
      const now = performance.now()
      startedAt[slot] = now
      const fd = calls.openStream(family)
      if (fd < 0) return end(slot, -fd, now)
      view.setInt32(field(slot, fields.fd), fd, true)
      active[slot] = 1
      calls.queueErrors(fd, family, true)
      if (hops > 0) {
        const failed = calls.limitHops(fd, family, hops)
        if (failed < 0) return close(slot, -failed, now)
      }
      const result = calls.connect(fd, base + sockaddrOffset(slot), family)
      if (result < 0 && result !== -c.EINPROGRESS) return close(slot, -result, now)
      view.setInt32(field(slot, fields.immediate), 0, true)
      const watched = calls.watch(poll, fd, c.EPOLLOUT, slot)
      if (watched < 0) return close(slot, -watched, now)
      wheel.add(slot, now + timeoutMs)
    },
    cancel(slot) {
      if (active[slot] === 1) close(slot, outcomes.canceled, performance.now())
    },
    conclude(slot, now) {
      if (active[slot] === 0) return
      const fd = descriptor(slot)
      const error = -calls.takeError(fd)
      if (error === 0) return established(slot, fd, now)
      readError(slot, fd)
      close(slot, error, now)
    },
    expire(now) {
      for (const slot of wheel.expire(now)) close(slot, outcomes.silent, now)
    },
    quietMs: wheel.quietMs,
    cancelAll() {
      const now = performance.now()
      for (let slot = 0; slot < count; slot += 1) if (active[slot] === 1) close(slot, outcomes.canceled, now)
    },
  }
}
