import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDeliveries } from '../../src/cli/agent/deliveries.ts'
import { type Server, type ServerResponse, UnreachableError } from '../../src/cli/agent/server.ts'
import { openSpool } from '../../src/cli/agent/spool.ts'
import { type AgentOptions, workAsAgent } from '../../src/cli/agent/work.ts'
import { createLine } from '../../src/runtime/line.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const log = pino({ level: 'silent' })
const leaseOf = (batch: number, job: number): ServerResponse => ({
  status: 200,
  body: {
    id: `${batch}.019b7600-0000-7000-8000-00000000000${job}`,
    heartbeatSeconds: 3,
    checks: [{ probe: 'tcp', host: '127.0.0.1', port: batch, options: {} }],
  },
})

let directory: TempDir
beforeEach(async () => {
  directory = await makeTempDir('agent-work')
})
afterEach(() => directory.remove())

test('a batch that is leased again while it is in the spool is not probed again', async () => {
  const stop = new AbortController()
  const { promise: leasedAgain, resolve: onLeasedAgain } = Promise.withResolvers<void>()
  const leases = [leaseOf(17, 1), leaseOf(17, 2), leaseOf(18, 3)]
  const delivered: string[] = []
  const probed: number[] = []
  const { promise: done, resolve: onDone } = Promise.withResolvers<void>()
  const server: Server = {
    async post(path, _, { signal: ended }) {
      if (path === '/leases') {
        const next = leases.shift()
        if (leases.length === 0) onLeasedAgain() // it has been given batch 17 a second time, and one more
        if (!next) await new Promise((resolve) => ended?.addEventListener('abort', resolve))
        return next ?? { status: 204, body: undefined }
      }
      if (leases.length > 0) throw new UnreachableError('cut off')
      await leasedAgain
      delivered.push(path)
      if (delivered.length === 2) onDone()
      return { status: 200, body: { recorded: true } }
    },
    close() {},
  }
  const prober: AgentOptions['prober'] = {
    async observe({ probe, host, port }) {
      probed.push(port)
      const addressResult = {
        address: host,
        state: 'open',
        reason: 'tcp-connected',
        facts: {},
        latencyMs: 1,
        attempts: 1,
      } as const
      return { probe, host, port, observedAt: new Date(0).toISOString(), addressResults: [addressResult] }
    },
    inTurn: createLine(1),
    isOnline: async () => true,
    canary: () => 'none',
  }
  const spool = await openSpool(directory.path)
  const { signal } = stop
  const deliveries = createDeliveries({ server, spool, path: '/leases', log, signal })
  const work = workAsAgent({ server, deliveries, prober, path: '/leases', batches: 4, version: '0', log, signal })
  await done
  stop.abort()
  await work
  expect(probed).toEqual([17, 18])
  expect(delivered.toSorted()).toEqual([
    '/leases/17.019b7600-0000-7000-8000-000000000001/observations',
    '/leases/18.019b7600-0000-7000-8000-000000000003/observations',
  ])
})
