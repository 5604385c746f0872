import { expect, test } from 'vitest'
import { createAttempts } from '../../../../../src/probes/network/connector/system/attempts.ts'
import { loadCalls } from '../../../../../src/probes/network/connector/system/calls.ts'
import { writeSockaddr } from '../../../../../src/probes/network/connector/system/records.ts'
import { fields, mapSlots, memorySize } from '../../../../../src/probes/network/connector/system/slots.ts'
import { parseLiteral } from '../../../../../src/probes/network/ip-literal.ts'
import { required } from '../../../../../src/runtime/required.ts'

test('a slot names no descriptor that is being closed, so that none is closed twice if the thread ends there', () => {
  const slots = mapSlots(new SharedArrayBuffer(memorySize(1)), 1)
  const { view, field } = slots
  const calls = loadCalls()
  const named: number[] = []
  const close = (fd: number) => {
    named.push(view.getInt32(field(0, fields.fd), true))
    return calls.close(fd)
  }
  const poll = calls.openPoll()
  const attempts = createAttempts({ calls: { ...calls, close }, slots, count: 1, poll, onEnd: () => {} })
  writeSockaddr(slots, 0, required(parseLiteral('127.0.0.1'), 'address'), 1)
  view.setFloat64(field(0, fields.ms), 1_000, true)
  attempts.begin(0)
  attempts.cancelAll()
  calls.close(poll)
  expect(named).toEqual([-1])
})
