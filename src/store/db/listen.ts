import type pg from 'pg'
import { type KnownKeys, keyChannel } from '../access/key-cache.ts'
import { type AwaitedBatch, batchChannel, batchWaiter } from '../audits/batches.ts'
import { auditChannel } from '../audits/finish-audits.ts'
import { discoveryWaiter } from '../learning/discoveries.ts'
import { traceWaiter } from '../traces/traces.ts'
import { auditEnd, createEventFeed, type EventFeed, eventChannel } from '../webhooks/event-feed.ts'
import { outboxChannel, outboxWaiter } from '../webhooks/outbox.ts'
import { connectionOptions } from './connection.ts'
import { isResponsive, WatchedClient } from './liveness/watched-client.ts'

/** Waits for ended audits, traces and proposals, new batches, traces and discoveries, and new events. */
export interface Notifications {
  /**
   * Resolves when the audit or trace has ended, after `ms`, or when the signal comes, without saying which.
   * Call it before reading the audit, so that an end in between is not missed.
   */
  waitForEnd(id: string, ms: number, signal?: AbortSignal): Promise<void>
  /** The same for a batch of a vantage that may have come; the signal ends the wait as well. */
  waitForBatch(batch: AwaitedBatch, ms: number, signal: AbortSignal): Promise<void>
  /** The same for a new trace of a vantage. */
  waitForTrace(vantage: string, ms: number, signal: AbortSignal): Promise<void>
  /** The same for a new discovery of a vantage. */
  waitForDiscovery(vantage: string, ms: number, signal: AbortSignal): Promise<void>
  /** The same for new events in the outbox. */
  waitForOutbox(ms: number, signal: AbortSignal): Promise<void>
  /** The newest events, for streams. */
  events: EventFeed
  close(): Promise<void>
}

const reconnectMs = 1_000
const watchEveryMs = 5_000
const responseTimeoutMs = 5_000

/**
 * Listens on a connection of its own; a lost one is opened again, and all waits resolve, because notifications may be lost. `knownKeys` is
 * notified of changed keys, and trusted while the connection lasts.
 */
export async function listenForNotifications(url: string, knownKeys?: KnownKeys): Promise<Notifications> {
  const waiting = new Map<string, Set<() => void>>()
  const wake = (wakers: Iterable<() => void>) => {
    for (const waker of [...wakers]) waker()
  }
  const events = createEventFeed()
  let closed = false
  let client: pg.Client
  let watchdog: NodeJS.Timeout | undefined
  let reconnecting: NodeJS.Timeout | undefined

  const connect = async () => {
    client = new WatchedClient(connectionOptions(url, 'portwarden notifications'))
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === keyChannel) knownKeys?.changed(payload)
      else if (channel === eventChannel) events.add(JSON.parse(payload))
      else wake(waiting.get(payload) ?? [])
      if (channel === auditChannel) events.add(auditEnd(payload, new Date()))
    })
    await client.connect()
    await client.query(
      `LISTEN ${auditChannel}; LISTEN ${batchChannel}; LISTEN ${outboxChannel}; LISTEN ${keyChannel}; LISTEN ${eventChannel}`,
    )
    knownKeys?.trust()
    client.on('end', reconnect) // not before: a connection that fails to open ends too, and its caller tries again
    watch(client)
    for (const wakers of waiting.values()) wake(wakers)
  }
  // Nothing else is sent on this connection, so its loss would stay unnoticed.
  const watch = (watched: pg.Client) => {
    watchdog = setTimeout(async () => {
      if (await isResponsive(watched, responseTimeoutMs)) watch(watched)
    }, watchEveryMs)
  }
  const reconnect = () => {
    clearTimeout(watchdog)
    knownKeys?.distrust()
    events.interrupt()
    if (!closed) reconnecting = setTimeout(() => connect().catch(reconnect), reconnectMs)
  }

  const wait = (payload: string, ms: number, signal?: AbortSignal) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wakers = waiting.get(payload) ?? new Set()
    waiting.set(payload, wakers.add(resolve))
    const timer = setTimeout(resolve, ms)
    const leave = () => resolve()
    signal?.addEventListener('abort', leave)
    if (signal?.aborted) resolve()
    return promise.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
      wakers.delete(resolve)
      if (wakers.size === 0 && waiting.get(payload) === wakers) waiting.delete(payload)
    })
  }

  await connect()
  return {
    events,
    waitForEnd: wait,
    waitForBatch: (batch, ms, signal) => wait(batchWaiter(batch), ms, signal),
    waitForTrace: (vantage, ms, signal) => wait(traceWaiter(vantage), ms, signal),
    waitForDiscovery: (vantage, ms, signal) => wait(discoveryWaiter(vantage), ms, signal),
    waitForOutbox: (ms, signal) => wait(outboxWaiter, ms, signal),
    async close() {
      closed = true
      clearTimeout(reconnecting)
      clearTimeout(watchdog)
      await client.end()
    },
  }
}
