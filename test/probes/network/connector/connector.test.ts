import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ConnectAttempt, Connector } from '../../../../src/probes/network/connector/connector.ts'
import { type ConnectorKind, openConnector } from '../../../../src/probes/network/connector/open.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { connectorForFile } from '../../../support/connectors.ts'
import { listen } from '../../../support/listen.ts'
import { freePort } from '../../../support/ports.ts'
import { neverAccepts, runWithDescriptors, startProgram } from '../../../support/program.ts'

const attempt = (port: number, more: Partial<ConnectAttempt> = {}): ConnectAttempt => ({
  address: '127.0.0.1',
  port,
  timeoutMs: 5_000,
  keep: false,
  ...more,
})

const failOnLog = (reason: string) => {
  throw new Error(reason)
}

async function startListener(server: net.Server, host?: string): Promise<number> {
  const { port, close } = await listen(server, host)
  onTestFinished(close)
  return port
}

/** A port whose accept queue is full: it stays silent. */
async function startSilent(connector: Connector): Promise<number> {
  const { port, stop } = await startProgram(neverAccepts)
  onTestFinished(stop)
  await fillQueue(connector, port)
  return port
}

async function fillQueue(connector: Connector, port: number): Promise<void> {
  const fill = attempt(port, { timeoutMs: 200, keep: true })
  for (let result = await connector.connect(fill); result.socket; result = await connector.connect(fill)) {
    const { socket } = result
    onTestFinished(() => void socket.destroy())
  }
}

/** Sockets, epoll sets and event counters of this process; those of earlier tests may still be closing. */
const openDescriptors = () =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return /^(socket|anon_inode):/.test(target) ? [target] : []
    } catch {
      return [] // that of the directory itself
    }
  }).length

const socketsByDescriptor = () =>
  new Map(
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/self/fd/${fd}`)
        return target.startsWith('socket:') ? [[fd, target] as const] : []
      } catch {
        return []
      }
    }),
  )

describe.each<ConnectorKind>(['auto', 'node'])('the connector %s', (kind) => {
  const connector = connectorForFile(kind)

  test.for(['127.0.0.1', '::1'])('connects to a listener at %s and closes with FIN', async (address) => {
    const server = net.createServer()
    const port = await startListener(server, address)
    const closed = once(server, 'connection').then(([peer]) => once(peer.resume(), 'close'))
    const result = await connector.connect(attempt(port, { address }))
    expect(result).toEqual({ outcome: 'connected', immediate: false, elapsedMs: expect.any(Number) })
    expect(result.elapsedMs).toBeGreaterThan(0)
    expect(await closed).toEqual([false]) // no error
  })

  test.for(['127.0.0.1', '::1'])('reports a refusal at %s, which is not that of the system itself', async (address) => {
    const result = await connector.connect(attempt(await freePort(), { address }))
    expect(result).toMatchObject({ outcome: 'ECONNREFUSED', immediate: false })
    expect(result.icmp).toBeUndefined()
  })

  test.for(['127.0.0.1', '::1'])('gives a kept socket to %s that is paused and has both addresses', async (address) => {
    const port = await startListener(
      net.createServer((peer) => peer.end('banner')),
      address,
    )
    const { socket } = await connector.connect(attempt(port, { address, keep: true }))
    if (!socket) throw new Error('no socket')
    expect(socket).toMatchObject({ remoteAddress: address, remotePort: port, localPort: expect.any(Number) })
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    expect(socket.bytesRead).toBe(0)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    expect(String((await once(socket.resume(), 'data'))[0])).toBe('banner')
    await closed
  })

  test('gives a socket that TLS runs on', async () => {
    const authority = await createAuthority('Connector')
    const { cert, key } = await authority.issue({ commonName: 'localhost', subjectAltName: 'DNS:localhost' })
    const port = await startListener(tls.createServer({ cert, key }, (peer) => peer.end('over TLS')))
    const { socket } = await connector.connect(attempt(port, { keep: true }))
    const secure = tls.connect({ socket, ca: authority.ca, servername: 'localhost' })
    const closed = once(secure, 'close')
    expect(String((await once(secure, 'data'))[0])).toBe('over TLS')
    await closed
  })

  test('an error of a kept socket without a listener does not end the process', async () => {
    const server = net.createServer()
    const port = await startListener(server)
    const accepted = once(server, 'connection')
    const { socket } = await connector.connect(attempt(port, { keep: true }))
    const closed = new Promise((resolve) => socket?.once('close', resolve)) // once() of node:events would add a listener
    const [peer] = (await accepted) as [net.Socket]
    peer.resetAndDestroy()
    socket?.resume()
    await closed
  })

  test('is silent at the deadline, never before it', async () => {
    const port = await startSilent(connector)
    const startedAt = performance.now()
    const results = await Promise.all(
      [100, 150, 300].map((timeoutMs) => connector.connect(attempt(port, { timeoutMs }))),
    )
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(300)
    expect(results.map(({ outcome }) => outcome)).toEqual(['silent', 'silent', 'silent'])
    for (const [index, timeoutMs] of [100, 150, 300].entries())
      expect(results[index]?.elapsedMs).toBeGreaterThanOrEqual(timeoutMs)
  })

  test('cancels an attempt by its signal, before and during it', async () => {
    const port = await startSilent(connector)
    expect(await connector.connect(attempt(port), AbortSignal.abort())).toMatchObject({ outcome: 'canceled' })
    const stop = new AbortController()
    const running = connector.connect(attempt(port, { timeoutMs: 60_000 }), stop.signal)
    stop.abort()
    expect(await running).toMatchObject({ outcome: 'canceled' })
  })

  test('refuses names, which it would have to resolve', async () => {
    for (const address of ['localhost', '127.1', 'fe80::1%lo', ''])
      await expect(connector.connect(attempt(1, { address }))).rejects.toThrow(RangeError)
  })

  test('dials an IPv4-mapped address as IPv4, as the egress policy judges it', async () => {
    const port = await startListener(net.createServer())
    const { socket } = await connector.connect(attempt(port, { address: '::ffff:127.0.0.1', keep: true }))
    expect(socket?.remoteAddress).toBe('127.0.0.1')
    socket?.destroy()
  })

  test('ends running attempts when it is closed, and leaves no descriptor', async () => {
    const silent = await startSilent(connector)
    const before = openDescriptors()
    const own = await openConnector({ kind, attempts: 20, log: failOnLog })
    // More than may run.
    const running = Array.from({ length: 40 }, () => own.connect(attempt(silent, { timeoutMs: 60_000 })))
    await own.close()
    for (const result of await Promise.all(running)) expect(result.outcome).toBe('canceled')
    expect(await own.connect(attempt(silent))).toMatchObject({ outcome: 'canceled' })
    await own.close() // a second time does nothing
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before)
  })

  test('a child process that inherits the socket of an ended attempt does not affect the next one', async () => {
    const first = await startProgram(neverAccepts)
    await fillQueue(connector, first.port)
    const other = await startSilent(connector)
    const own = await openConnector({ kind, attempts: 1, log: failOnLog })
    onTestFinished(() => own.close())
    const before = socketsByDescriptor()
    const stop = new AbortController()
    const canceled = own.connect(attempt(first.port, { timeoutMs: 60_000 }), stop.signal)
    const added = () => [...socketsByDescriptor()].filter(([fd, socket]) => before.get(fd) !== socket)
    await expect.poll(added).toHaveLength(1)
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', Number(added()[0]?.[0])] })
    onTestFinished(() => void child.kill())
    stop.abort()
    expect(await canceled).toMatchObject({ outcome: 'canceled' })
    const running = own.connect(attempt(other, { timeoutMs: 5_000 }))
    await first.stop() // the SYN that the kernel repeats for the child is refused now
    expect(await running).toMatchObject({ outcome: 'silent' })
  })

  test('a link-local address without an interface has no route', async () => {
    const seen = await connector.connect(attempt(80, { address: 'fe80::1' }))
    expect(seen).toMatchObject({ outcome: 'EINVAL', immediate: true })
  })

  test('immediate failures and cancelations are reported without another event', async () => {
    const silent = await startSilent(connector)
    const startedAt = performance.now()
    for (let i = 0; i < 10; i += 1) {
      await connector.connect(attempt(80, { address: 'fe80::1' }))
      const stop = new AbortController()
      const running = connector.connect(attempt(silent, { timeoutMs: 60_000 }), stop.signal)
      await new Promise((resolve) => setImmediate(resolve))
      stop.abort()
      await running
    }
    expect(performance.now() - startedAt).toBeLessThan(8_000) // otherwise a second each
  })

  test('10,000 attempts of which a third is canceled leave no descriptor', { timeout: 120_000 }, async () => {
    const before = openDescriptors()
    const open = await startListener(net.createServer((peer) => peer.on('error', () => {})))
    const own = await openConnector({ kind, attempts: 300, log: failOnLog })
    const tally: Record<string, number> = {}
    const rest = Array.from({ length: 10_000 }, (_, i) => i).values()
    const work = async () => {
      for (const i of rest) {
        const stop = new AbortController()
        // A full accept queue of the listener drops SYNs.
        const patient = { timeoutMs: 60_000, keep: i % 4 === 1 }
        const closed = attempt(1, { ...patient, address: `127.9.${i >> 8}.${i & 255}` })
        const where = i % 2 ? attempt(open, patient) : closed
        const running = own.connect(where, stop.signal)
        if (i % 3 === 0) setImmediate(() => stop.abort())
        const { outcome, socket } = await running
        socket?.destroy()
        tally[outcome] = (tally[outcome] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: 400 }, work))
    await own.close()
    const { connected = 0, ECONNREFUSED = 0, canceled = 0 } = tally
    expect(tally).toEqual({ connected, ECONNREFUSED, canceled }) // and nothing else
    expect(connected + ECONNREFUSED + canceled).toBe(10_000)
    expect(connected).toBeGreaterThan(3_000)
    expect(ECONNREFUSED).toBeGreaterThan(3_000)
    await expect.poll(openDescriptors, { timeout: 20_000 }).toBeLessThanOrEqual(before + 1) // and the listener
  })

  test('a shortage of descriptors is an error of the system, and ends with it', async () => {
    const { port, stop } = await startProgram(neverAccepts)
    onTestFinished(stop)
    const program = `
      import { openConnector } from '${import.meta.dirname}/../../../../src/probes/network/connector/open.ts'
      const connector = await openConnector({ kind: '${kind}', attempts: 500, log: (reason) => { throw new Error(reason) } })
      const attempt = { address: '127.0.0.1', port: ${port}, timeoutMs: 1_000, keep: false }
      const results = await Promise.all(Array.from({ length: 300 }, () => connector.connect(attempt)))
      const later = await connector.connect({ ...attempt, port: 1 })
      await connector.close()
      const short = results.filter(({ outcome, immediate }) => outcome === 'EMFILE' && immediate).length
      const others = new Set(results.map(({ outcome }) => outcome))
      console.log(JSON.stringify({ short, others: [...others].sort(), later: later.outcome }))`
    const seen = (await runWithDescriptors(100, program)) as { short: number; others: string[]; later: string }
    expect(seen.short).toBeGreaterThan(150)
    expect(seen.others).toContain('silent')
    expect(seen.others.filter((outcome) => !['EMFILE', 'connected', 'silent'].includes(outcome))).toEqual([])
    expect(seen.later).toBe('ECONNREFUSED')
  })
})
