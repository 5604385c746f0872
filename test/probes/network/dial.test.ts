import { once } from 'node:events'
import net from 'node:net'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createDeadline } from '../../../src/probes/engine/deadline.ts'
import { type DescriptorWatch, watchDescriptors } from '../../../src/probes/engine/descriptor-pressure.ts'
import { type Connection, isConnection, type Outcome } from '../../../src/probes/engine/probe.ts'
import type { Connector } from '../../../src/probes/network/connector/connector.ts'
import { createDialler, type Dialler } from '../../../src/probes/network/dial.ts'
import { createEgressPolicy, parseAllow } from '../../../src/probes/network/egress-policy.ts'
import { isConnectedTo } from '../../support/connected.ts'
import { connectorForFile } from '../../support/connectors.ts'
import { listen } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'
import { neverAccepts, startProgram } from '../../support/program.ts'
import { inTime } from '../../support/watched-io.ts'

let descriptors: DescriptorWatch
const connector = connectorForFile()
let dial: Dialler['dial']

beforeEach(() => {
  descriptors = watchDescriptors()
  dial = createDialler({
    connector,
    egress: createEgressPolicy({ allow: parseAllow('127.0.0.0/8, ::1, 10.0.0.0/8') }),
    descriptors,
  }).dial
})

const dialTo = (address: string, port: number, ms = 5_000) => dial({ host: address, address, port }, createDeadline(ms))

function connectionOf(result: Connection | Outcome): Connection {
  if (!isConnection(result)) throw new Error(`no connection: ${result.state}, ${result.reason}`)
  onTestFinished(() => void result.socket.destroy())
  return result
}

async function startListener(server: net.Server, host?: string) {
  const listening = await listen(server, host)
  onTestFinished(listening.close)
  return listening
}

test.for(['127.0.0.1', '::1'])(
  'a listener at %s gives a connection to exactly this address, with its latency',
  async (host) => {
    const { port } = await startListener(net.createServer(), host)
    const { socket, connectMs } = connectionOf(await dialTo(host, port))
    expect(socket.remoteAddress).toBe(host)
    expect(connectMs).toBeGreaterThan(0)
    expect(connectMs).toBeLessThan(5_000)
  },
)

test('a connection is paused: data stays in the kernel until the probe reads', async () => {
  const { host, port } = await startListener(net.createServer((socket) => socket.end('banner')))
  const { socket } = connectionOf(await dialTo(host, port))
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  expect(socket.bytesRead).toBe(0)
  socket.resume()
  expect(String((await once(socket, 'data'))[0])).toBe('banner')
})

test('a port without a listener is closed', async () => {
  expect(await dialTo('127.0.0.1', await freePort())).toEqual({ state: 'closed', reason: 'connection-refused' })
})

test('an error after the connect, while no probe listens, does not end the process', async () => {
  const server = net.createServer()
  const { host, port } = await startListener(server)
  const accepted = once(server, 'connection')
  const { socket } = connectionOf(await dialTo(host, port))
  const [peer] = (await accepted) as [net.Socket]
  const closed = new Promise((resolve) => socket.once('close', resolve)) // once() of node:events would add an error listener
  peer.resetAndDestroy()
  socket.resume()
  await closed
})

test('a peer that resets the connection before Node reports it was open', async () => {
  // The peer is a separate process, because this one is blocked meanwhile.
  const { port, stop } = await startProgram(`require('node:net').createServer((socket) => socket.resetAndDestroy())
    .listen(0, '127.0.0.1', function () { process.send(this.address().port) })`)
  onTestFinished(stop)
  const dialling = dialTo('127.0.0.1', port)
  process.nextTick(() => {
    while (isConnectedTo(process.pid, port));
  })
  expect(await dialling).toEqual({ state: 'open', reason: 'connection-reset' })
})

describe('the egress policy', () => {
  test('applies to every connect: nothing reaches a listener outside it', async () => {
    const server = net.createServer(() => expect.unreachable('the listener was reached'))
    const { port } = await startListener(server)
    const egress = createEgressPolicy({ allow: parseAllow('10.0.0.0/8') })
    const { dial: refusing } = createDialler({ connector, egress, descriptors })
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '127.1', 'localhost', '0.0.0.0', '0']) {
      const result = await refusing({ host: address, address, port }, createDeadline(5_000))
      expect(result).toEqual({ state: 'unknown', reason: 'egress-denied' })
    }
  })

  test('refuses every name, because only literal addresses are dialled', async () => {
    const { port } = await startListener(net.createServer(() => expect.unreachable('the listener was reached')))
    expect(await dialTo('localhost', port)).toEqual({ state: 'unknown', reason: 'egress-denied' })
  })
})

test('a connection to another address than the checked one is discarded', async () => {
  const server = net.createServer()
  const { port } = await startListener(server, '127.0.0.9')
  const accepted = once(server, 'connection')
  const elsewhere: Connector = {
    ...connector,
    connect: (attempt) => connector.connect({ ...attempt, address: '127.0.0.9' }),
  }
  const egress = createEgressPolicy({ allow: parseAllow('127.0.0.0/8') })
  const dialler = createDialler({ connector: elsewhere, egress, descriptors })
  const endpoint = { host: '127.0.0.1', address: '127.0.0.1', port }
  expect(await dialler.dial(endpoint, createDeadline(5_000))).toEqual({ state: 'unknown', reason: 'local-failure' })
  const [peer] = (await accepted) as [net.Socket]
  await once(peer.resume(), 'close')
  expect(peer.bytesRead).toBe(0)
})

test('silence ends at the deadline, as filtered', async () => {
  const { port, stop } = await startProgram(neverAccepts)
  onTestFinished(stop)
  let result = await dialTo('127.0.0.1', port, 150)
  while (isConnection(result)) {
    connectionOf(result)
    result = await dialTo('127.0.0.1', port, 150)
  }
  const startedAt = performance.now()
  expect(await inTime(400, dialTo('127.0.0.1', port, 150))).toEqual({ state: 'filtered', reason: 'no-response' })
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150)
})
