import { readdirSync, readlinkSync } from 'node:fs'
import net from 'node:net'
import type { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openConnector } from '../../../../../src/probes/network/connector/open.ts'
import { connectorForFile } from '../../../../support/connectors.ts'
import { listen } from '../../../../support/listen.ts'
import { run } from '../../../../support/processes.ts'
import { neverAccepts, startProgram } from '../../../../support/program.ts'

const connector = connectorForFile()
const open = `${import.meta.dirname}/../../../../../src/probes/network/connector/open.ts`

function blockFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('a main thread that is blocked beyond the deadline changes neither outcome nor time', async () => {
  const { host: address, port, close } = await listen(net.createServer())
  onTestFinished(close)
  const results = Array.from({ length: 50 }, () => connector.connect({ address, port, timeoutMs: 400, keep: false }))
  blockFor(1_000)
  for (const { outcome, elapsedMs } of await Promise.all(results)) {
    expect(outcome).toBe('connected')
    expect(elapsedMs).toBeLessThan(400)
  }
})

const epollSets = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]'
    } catch {
      return false // that of the directory itself
    }
  }).length

test('after its thread has ended by itself, running attempts are canceled and others served by sockets of Node', async () => {
  const before = epollSets()
  const { port, stop } = await startProgram(neverAccepts)
  onTestFinished(stop)
  const started = new Promise<Worker>((resolve) => process.once('worker', resolve))
  const own = await openConnector({ kind: 'auto', attempts: 10, log: () => {} })
  const silent = { address: '127.0.0.1', port, timeoutMs: 60_000, keep: false }
  const running = Array.from({ length: 15 }, () => own.connect(silent))
  const thread = await started
  void thread.terminate()
  const outcomes = (await Promise.all(running)).map(({ outcome }) => outcome)
  expect(new Set(outcomes)).toContain('canceled')
  expect(own.knowsIcmp).toBe(false)
  expect(await own.connect({ ...silent, port: 1 })).toMatchObject({ outcome: 'ECONNREFUSED' })
  await own.close()
  await expect.poll(epollSets).toBe(before)
})

describe('a process with an open connector', () => {
  const start = (program: string) =>
    run(process.execPath, [
      '--input-type=module',
      '-e',
      `const { openConnector } = await import('${open}')
       const connector = await openConnector({ kind: 'auto', attempts: 10, log: (reason) => { throw new Error(reason) } })
       const silent = (port) => connector.connect({ address: '127.0.0.1', port, timeoutMs: 60_000, keep: false })
       ${program}`,
    ])

  test('ends when nothing else is left to do', async () => {
    expect(await start('await silent(1)')).toMatchObject({ code: 0, stderr: '' })
  })

  test('ends with process.exit() during attempts', async () => {
    const { port, stop } = await startProgram(neverAccepts)
    onTestFinished(stop)
    const ended = await start(
      `for (let i = 0; i < 20; i += 1) void silent(${port}); setImmediate(() => process.exit(3))`,
    )
    expect(ended).toMatchObject({ code: 3, stderr: '' })
  })

  test('ends with an error that nothing catches', async () => {
    const ended = await start(`setImmediate(() => { throw new Error('uncaught') })`)
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('uncaught') })
  })
})
