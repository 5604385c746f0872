import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { reasonOfEnd } from '../../../src/probes/tls/failure.ts'
import { tapSocket } from '../../../src/probes/tls/tap.ts'

test.each([
  ['ECONNRESET', 'connection-reset'],
  ['ETIMEDOUT', 'protocol-timeout'],
  ['EHOSTUNREACH', 'protocol-timeout'],
  ['ENETUNREACH', 'protocol-timeout'],
])('a connection that is lost with %s ends as %s: a lost path is no act of the peer', async (code, reason) => {
  const socket = new Socket()
  const tap = tapSocket(socket, { maxBytes: 1, admit: () => true })
  const { promise, resolve } = Promise.withResolvers<void>()
  tap.stream.on('close', resolve)
  socket.destroy(Object.assign(new Error('lost'), { code }))
  await promise
  expect(reasonOfEnd(tap)).toBe(reason)
})
