import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { createDeadline } from '../../../src/probes/engine/deadline.ts'
import { listen } from '../../support/listen.ts'

const expiry = (ms: number) => new Promise<void>((resolve) => createDeadline(ms).onExpiry(resolve))

test('a deadline expires at its time, not before', async () => {
  const startedAt = performance.now()
  await expiry(50)
  const elapsedMs = performance.now() - startedAt
  expect(elapsedMs).toBeGreaterThanOrEqual(50)
})

test('the remaining time decreases and is never negative', async () => {
  const deadline = createDeadline(20)
  const first = deadline.remainingMs()
  expect(first).toBeLessThanOrEqual(20)
  await new Promise<void>((resolve) => deadline.onExpiry(resolve))
  expect(deadline.remainingMs()).toBeLessThan(first)
  expect(createDeadline(-5).remainingMs()).toBe(0)
})

test('a canceled expiry does not call back, even if canceled during the turn of grace', async () => {
  const deadline = createDeadline(10)
  let called = false
  const cancel = deadline.onExpiry(() => {
    called = true
  })
  const cancelImmediately = deadline.onExpiry(() => {
    called = true
  })
  cancelImmediately()
  setTimeout(cancel, 20)
  blockFor(30) // so that both timers fire together, the deadline's first
  await expiry(1)
  expect(called).toBe(false)
})

test('bytes that arrived while the event loop was blocked are read before the deadline expires', async () => {
  const server = net.createServer((socket) => socket.end('response'))
  const { host, port, close } = await listen(server)
  const accepted = once(server, 'connection')
  const client = new net.Socket().pause().connect({ host, port })
  const [socket] = (await accepted) as [net.Socket]
  await once(socket, 'finish') // the response is in the kernel, and the client has not read yet
  const seen: string[] = []
  client.on('data', () => seen.push('response')).resume()
  const expired = new Promise<void>((resolve) => createDeadline(30).onExpiry(resolve))
  blockFor(60)
  await expired
  expect(seen).toEqual(['response'])
  await close()
})

test('a deadline reports a wait that ended with it, and one of a share', async () => {
  const [whole, other] = [createDeadline(60_000), createDeadline(1)]
  other.onExpiry(() => {})()
  await new Promise<void>((resolve) => other.share(1).onExpiry(resolve))
  expect([whole.expired, other.expired]).toEqual([false, true])
  const canceled = createDeadline(1)
  canceled.onExpiry(() => {})()
  await expiry(5)
  expect(canceled.expired).toBe(false)
})

test('a share has its part of the remaining time; of a patient deadline, the whole time', () => {
  expect(createDeadline(60_000).share(3).remainingMs()).toBeLessThanOrEqual(20_000)
  expect(createDeadline(60_000, true).share(3).remainingMs()).toBeGreaterThan(50_000)
})

test('an extended deadline ends later, never earlier; a patient one by its own time', () => {
  const [plain, patient] = [createDeadline(60_000), createDeadline(60_000, true)]
  for (const deadline of [plain, patient]) deadline.extend(1)
  expect(plain.remainingMs()).toBeGreaterThan(50_000)
  plain.extend(120_000)
  expect(plain.remainingMs()).toBeGreaterThan(110_000)
  const before = patient.remainingMs()
  blockFor(2)
  patient.extend()
  expect(patient.remainingMs()).toBeGreaterThan(before - 2)
})

function blockFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
