import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDeliveries } from '../../src/cli/agent/deliveries.ts'
import { type Server, UnreachableError } from '../../src/cli/agent/server.ts'
import { openSpool } from '../../src/cli/agent/spool.ts'
import type { Delivery } from '../../src/domain/vantages/lease.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const delivery: Delivery = { online: false, observations: [] }
const idOf = (batch: number) => `${batch}.019b7600-0000-7000-8000-000000000000`

let directory: TempDir
beforeEach(async () => {
  directory = await makeTempDir('spool')
})
afterEach(() => directory.remove())

describe('the spool', () => {
  test('gives back what was put there, the oldest first, also to another process', async () => {
    const spool = await openSpool(directory.path)
    for (const batch of [10, 9, 2]) await spool.put(idOf(batch), delivery)
    const again = await openSpool(directory.path)
    expect(await again.list()).toEqual([2, 9, 10].map(idOf))
    expect(await again.read(idOf(9))).toEqual(delivery)
    await again.remove(idOf(9))
    expect(await again.list()).toEqual([2, 10].map(idOf))
  })

  test('leaves alone what is not its own, and reads nothing that was cut short', async () => {
    const spool = await openSpool(directory.path)
    for (const name of ['notes.txt', `${idOf(1)}.draft`, 'x.json']) await writeFile(join(directory.path, name), '{}')
    await writeFile(join(directory.path, `${idOf(3)}.json`), '{"online":tr')
    expect(await spool.list()).toEqual([idOf(3)])
    expect(await spool.read(idOf(3))).toBeUndefined()
    expect(await spool.read(idOf(4))).toBeUndefined()
  })
})

describe('deliveries', () => {
  /** A server with these responses, one after the other. */
  async function deliverWith(statuses: (number | 'away')[], leftBehind: number[] = [], body: object = {}) {
    const spool = await openSpool(directory.path)
    for (const batch of leftBehind) await spool.put(idOf(batch), delivery)
    const delivered: string[] = []
    const bodies: Delivery[] = []
    const server: Server = {
      async post(path, sent) {
        bodies.push(sent as Delivery)
        delivered.push(path.split('/').at(-2)?.split('.')[0] ?? '')
        const status = statuses.shift() ?? 200
        if (status === 'away') throw new UnreachableError('away')
        return { status, body }
      },
      close() {},
    }
    const log = pino({ level: 'silent' })
    const { signal } = new AbortController()
    return { delivered, bodies, deliveries: createDeliveries({ server, spool, path: '/leases', log, signal }) }
  }

  test('come until the server takes them, in their order, and leave nothing behind', async () => {
    const { delivered, deliveries } = await deliverWith(['away', 503, 200, 200], [1, 2])
    await deliveries.resume()
    expect(deliveries.count()).toBe(2)
    await deliveries.settled()
    expect(delivered).toEqual(['1', '1', '1', '2'])
    expect(deliveries.count()).toBe(0)
    expect(await readdir(directory.path)).toEqual([])
  })

  test.each([400, 404, 413, 415, 422])(
    'that are refused for good (%i) are kept, and not sent again',
    async (status) => {
      const { delivered, deliveries } = await deliverWith([status, status])
      await deliveries.add(idOf(5), delivery)
      await deliveries.settled()
      expect(delivered).toEqual(['5'])
      expect(await readdir(directory.path)).toEqual([`${idOf(5)}.rejected`])
      expect(await (await openSpool(directory.path)).list()).toEqual([])
    },
  )

  test('that are too large for a proxy come without their largest facts', async () => {
    const observation = (check: number, facts: object) => ({
      check,
      observedAt: new Date(0).toISOString(),
      addressResults: [
        { address: '192.0.2.1', state: 'open', reason: 'ssh-ok', facts, latencyMs: 1, attempts: 1 } as const,
      ],
    })
    const small = observation(0, { identification: 'SSH-2.0-x', algorithms: { kex: ['a'] } })
    const large = observation(1, { identification: 'SSH-2.0-x', algorithms: { kex: Array(3_000).fill('name') } })
    const { bodies, deliveries } = await deliverWith([413, 200])
    await deliveries.add(idOf(7), { online: true, observations: [small, large] })
    await deliveries.settled()
    const cut = observation(1, { identification: 'SSH-2.0-x', algorithms: {}, omitted: ['algorithms/kex'] })
    expect(bodies.map(({ observations }) => observations)).toEqual([
      [small, large],
      [small, cut],
    ])
    expect(await readdir(directory.path)).toEqual([])
  })

  test('of which the server refuses single observations are kept', async () => {
    const refused = [{ pointer: '/observations/0', message: 'must be an object' }]
    const { deliveries } = await deliverWith([200], [], { recorded: true, refused })
    await deliveries.add(idOf(8), delivery)
    await deliveries.settled()
    expect(await readdir(directory.path)).toEqual([`${idOf(8)}.rejected`])
  })

  test('that were rejected fill no disk: the newest twenty stay', async () => {
    const { deliveries } = await deliverWith(Array(25).fill(404))
    for (let batch = 1; batch <= 25; batch += 1) await deliveries.add(idOf(batch), delivery)
    await deliveries.settled()
    const kept = (await readdir(directory.path)).map((file) => Number.parseInt(file, 10)).sort((a, b) => a - b)
    expect(kept).toEqual(Array.from({ length: 20 }, (_, i) => i + 6))
  })

  test.each([401, 403, 429, 500])('are kept while the server does not let them in (%i)', async (status) => {
    const { delivered, deliveries } = await deliverWith([status])
    await deliveries.add(idOf(6), delivery)
    await deliveries.settled()
    expect(delivered).toEqual(['6', '6'])
  })
})
