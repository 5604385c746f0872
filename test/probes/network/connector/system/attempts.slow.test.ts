import { readdirSync } from 'node:fs'
import net from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createAttempts } from '../../../../../src/probes/network/connector/system/attempts.ts'
import { type Calls, loadCalls } from '../../../../../src/probes/network/connector/system/calls.ts'
import { writeSockaddr } from '../../../../../src/probes/network/connector/system/records.ts'
import { fields, mapSlots, memorySize } from '../../../../../src/probes/network/connector/system/slots.ts'
import { parseLiteral } from '../../../../../src/probes/network/ip-literal.ts'
import { required } from '../../../../../src/runtime/required.ts'
import { collectGarbage } from '../../../../support/collect-garbage.ts'

const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T

function counted(calls: Calls) {
  const tally = { calls: 0 }
  const systemCalls: readonly string[] = Object.keys(calls).filter((name) => !['address', 'eventData'].includes(name))
  const wrap =
    (call: (...args: never[]) => unknown) =>
    (...args: never[]) => {
      tally.calls += 1
      return call(...args)
    }
  const entries = Object.entries(calls).map(([name, call]) => [name, systemCalls.includes(name) ? wrap(call) : call])
  return { tally, calls: Object.fromEntries(entries) as Calls }
}

const descriptors = () => readdirSync('/proc/self/fd').length

test('1,000,000 counted system calls end each attempt once and write to no other memory', {
  timeout: 600_000,
}, async () => {
  const server = net.createServer((peer) => peer.on('error', () => {}).destroy())
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  const { port: open } = server.address() as net.AddressInfo
  const addresses = ['127.0.0.1', '::1', '127.3.2.1', '0.0.0.0', '255.255.255.255', '224.0.0.1', 'ff02::1'].map(
    (literal) => required(parseLiteral(literal), literal),
  )
  const { calls, tally } = counted(loadCalls())
  const count = 66
  const slots = mapSlots(new SharedArrayBuffer(memorySize(count)), count)
  const memory = new Uint8Array(slots.view.buffer)
  const guards = [0, count - 1].map((slot) => memory.subarray(slots.field(slot, 0), slots.field(slot + 1, 0)))
  for (const guard of guards) guard.fill(0xa5)
  const before = descriptors()
  const poll = calls.openPoll()
  const running = new Set<number>()
  let started = 0
  let ended = 0
  const attempts = createAttempts({
    calls,
    slots,
    count,
    poll,
    onEnd(slot) {
      if (!running.delete(slot)) throw new Error(`slot ${slot} ended twice`)
      ended += 1
      const fd = slots.view.getInt32(slots.field(slot, fields.fd), true)
      if (slots.view.getInt32(slots.field(slot, fields.outcome), true) === 0 && fd >= 0) calls.close(fd)
    },
  })
  for (let round = 0; tally.calls < 1_000_000; round += 1) {
    for (let slot = 1; slot < count - 1; slot += 1) {
      if (running.has(slot)) continue
      writeSockaddr(slots, slot, pick(addresses), pick([open, open, 1, 65_535]))
      slots.view.setFloat64(slots.field(slot, fields.ms), pick([0, 1, 5_000]), true)
      slots.view.setInt32(slots.field(slot, fields.hops), pick([0, 1, 64, 255, 256]), true)
      slots.view.setInt32(slots.field(slot, fields.keep), pick([0, 0, 1]), true)
      slots.view.setInt32(slots.field(slot, fields.fd), -1, true)
      running.add(slot)
      started += 1
      attempts.begin(slot)
      if (Math.random() < 0.1) attempts.cancel(slot)
    }
    const events = calls.wait(poll, 0)
    for (let index = 0; index < events; index += 1) attempts.conclude(calls.eventData(index), performance.now())
    attempts.expire(performance.now())
    if (round % 10 === 0) await nextTurn() // the listener accepts
    if (round % 1_000 === 0) await collectGarbage() // would move what must not move
  }
  attempts.cancelAll()
  calls.close(poll)
  await new Promise((resolve) => server.close(resolve))
  expect(started).toBeGreaterThan(50_000)
  expect(ended).toBe(started)
  for (const guard of guards) expect(guard.every((byte) => byte === 0xa5)).toBe(true)
  expect(descriptors()).toBeLessThan(before + 20) // of more than 50,000; other tests may have some
})
