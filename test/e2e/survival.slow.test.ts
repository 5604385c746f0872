import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { isConnectedTo } from '../support/connected.ts'
import { type Fleet, inFull, listenSlowly, startFleet } from '../support/fleet.ts'
import { listen } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import type { PeerProcess } from '../support/processes.ts'

const poison = join(import.meta.dirname, '../support/poison.mjs')
const targets = 20

/** Ports that are as the policy wants them, or the other way round; and one that takes its time. */
async function startPorts(fleet: Fleet) {
  const open = await listenSilently()
  const slow = await listenSlowly(500)
  const closed = await freePort()
  let requests = 0
  return {
    slowPort: slow.port,
    /** Accepts an audit that finds the opposite of the one before. */
    accept() {
      requests += 1
      const [openPort, closedPort] = requests % 2 === 0 ? [open.port, closed] : [closed, open.port]
      return fleet.acceptFor(targets, { openPort, closedPort, httpsPort: slow.port })
    },
    async [Symbol.asyncDispose]() {
      await open.close()
      await slow.close()
    },
  }
}

const kill = (worker: PeerProcess, signal: NodeJS.Signals) => process.kill(worker.pid, signal)
/** Ends a worker in the middle of a batch; requests more work until it has some. */
async function killWhileProbing(worker: PeerProcess, port: number, requestMore: () => Promise<unknown>) {
  const killed = () => {
    if (!isConnectedTo(worker.pid, port)) throw new Error('the worker is not probing')
    kill(worker, 'SIGKILL')
    return true
  }
  let done = false
  while (!done) {
    await requestMore()
    done = await vi.waitFor(killed, { timeout: 2_000, interval: 10 }).catch(() => false)
  }
  expect(await worker.exited).toBe('SIGKILL')
}

/** A port that holds on to the first open connection and hangs up all others. */
async function holdFirst() {
  const { promise: first, resolve: hold } = Promise.withResolvers<Socket>()
  let isHeld = false
  const server = createServer((socket) => {
    socket.on('error', () => {})
    const isClosed = socket.remoteAddress === undefined // by the time it is accepted
    if (isHeld || isClosed) {
      socket.destroy()
      return
    }
    isHeld = true
    hold(socket)
  })
  const { port, close } = await listen(server)
  return { port, first, [Symbol.asyncDispose]: close }
}

/** How many evidences there are of what only the held connection said. */
const brought = async ({ query }: Fleet) =>
  (await query(`SELECT FROM evidence WHERE content::text LIKE '%"ssh"%'`)).length

/** All that an audit leaves behind. */
const snapshot = async ({ query }: Fleet) => ({
  audits: await query('SELECT * FROM audit ORDER BY id'),
  findings: await query('SELECT * FROM finding ORDER BY audit_id, target_id, series_id'),
  spans: await query('SELECT * FROM span ORDER BY target_id, series_id, from_at'),
  batches: await query('SELECT * FROM batch ORDER BY id'),
})

describe.concurrent('an audit survives', { timeout: inFull(900_000, 300_000) }, () => {
  const kills = inFull(50, 6)
  test(`kill -9 of a worker in the middle of it, ${kills} times: nothing is lost, nothing is recorded twice`, async () => {
    await using fleet = await startFleet()
    await using ports = await startPorts(fleet)
    const workers = [await fleet.startWorker(), await fleet.startWorker()]
    const auditIds: string[] = []
    for (let i = 0; i < kills; i++) {
      auditIds.push(await ports.accept())
      const victim = workers.shift()
      const requestMore = async () => auditIds.push(await ports.accept())
      if (victim) await killWhileProbing(victim, ports.slowPort, requestMore)
      workers.push(await fleet.startWorker())
    }
    await fleet.expectWhole(auditIds, targets)
    const [lost] = await fleet.query<{ tries: number }>(
      `SELECT count(*) FILTER (WHERE state = 'failed')::int + sum(retry_count)::int AS tries FROM pgboss.job WHERE name LIKE '%/office'`,
    )
    expect(lost?.tries).toBeGreaterThanOrEqual(kills)
  })
  test('a worker that is stopped for longer than its lease and then goes on: what it brings changes nothing', async ({
    expect,
  }) => {
    await using fleet = await startFleet()
    await using target = await holdFirst()
    const sleeper = await fleet.startWorker()
    const params = { openPort: await freePort(), closedPort: await freePort(), httpsPort: target.port }
    const auditId = await fleet.acceptFor(targets, params)
    const held = await target.first
    kill(sleeper, 'SIGSTOP')
    await fleet.startWorker()
    await fleet.expectWhole([auditId], targets)
    const before = await snapshot(fleet)
    held.write('SSH-2.0-awake\r\n') // no other client received this
    kill(sleeper, 'SIGCONT')
    // Its evidence is written before it finds that the batch has been recorded: so it has come this far.
    await expect.poll(() => brought(fleet)).toBe(1)
    kill(sleeper, 'SIGTERM')
    expect(await sleeper.exited).toBe(0)
    expect(await snapshot(fleet)).toEqual(before)
  })

  test('a batch that kills its workers: it is given up after three tries, and other audits go on', async () => {
    await using fleet = await startFleet()
    await using ports = await startPorts(fleet)
    let deaths = 0
    const env = {
      NODE_OPTIONS: `--import=${poison}`,
      TEST_POISONED_ADDRESS: '127.0.0.66',
      PORTWARDEN_CONNECTOR: 'node', // the poison is in its sockets
    }
    const startMortal = async () => {
      const worker = await fleet.startWorker(env)
      void worker.exited.then((how) => {
        if (how !== 'SIGKILL') return
        deaths += 1
        return startMortal()
      })
    }
    await startMortal()
    await startMortal()
    const others = [await ports.accept(), await ports.accept(), await ports.accept()]
    const deadly = await fleet.accept({
      targets: [{ name: 'deadly', address: '127.0.0.66' }],
      params: { openPort: 1, closedPort: 2 },
      vantages: ['office'],
    })
    while ((await fleet.stores.audits.find(deadly))?.finishedAt === null) {
      const next = await ports.accept()
      others.push(next)
      await fleet.ended(next)
    }
    expect(await fleet.ended(deadly)).toMatchObject({ status: 'completed', counts: { error: 2 } })
    const findings = (await fleet.findings(deadly)).map(
      ({ rule, result, reason }) => `${rule} ${result} ${reason.code}`,
    )
    expect(findings.sort()).toEqual([
      'from-elsewhere notchecked no-vantage-in-zone',
      'must-be-open error batch-failed',
      'must-be-unreachable error batch-failed',
      'when-https notapplicable condition-not-met',
    ])
    expect(deaths).toBe(3)
    const letters = await fleet.query(
      `SELECT data->>'auditId' AS "auditId" FROM pgboss.job WHERE name = 'batch-failed'`,
    )
    expect(letters).toEqual([{ auditId: deadly }])
    expect(others.length).toBeGreaterThan(3)
    await fleet.expectWhole(others, targets)
  })
})
