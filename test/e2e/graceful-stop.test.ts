import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { clusterHome } from '../../src/store/db/embedded/index.ts'
import { ports } from '../support/app.ts'
import { portwarden, type Service, startServiceProcess } from '../support/commands.ts'
import { isConnectedTo } from '../support/connected.ts'
import { type Fleet, inFull, listenSlowly, startFleet } from '../support/fleet.ts'
import { listenHolding } from '../support/holding.ts'
import { freePort } from '../support/ports.ts'
import { spawnPeer } from '../support/processes.ts'
import { afterDeath } from '../support/reaper.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const program = portwarden('serve')
const graceMs = 8_000
const grace = { PORTWARDEN_GRACE_MS: String(graceMs) }
const json = { 'content-type': 'application/json' }

/** Sends SIGTERM; returns the exit code and how long that took. */
async function terminate({ pid, exited }: Pick<Service, 'pid' | 'exited'>) {
  const startedAt = performance.now()
  process.kill(pid, 'SIGTERM')
  return { code: await exited, ms: performance.now() - startedAt }
}

/** A client with one persistent connection: sends a request after each response, until `Connection: close`. */
async function requestUntilClose(service: Service, key: string, paths: readonly string[]) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const statuses: number[] = []
  let isLast = false
  for (let i = 0; !isLast; i++) {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const options = { agent, headers: { authorization: `Bearer ${key}` } }
      http.get(service.url + paths[i % paths.length], options, resolve).on('error', reject)
    })
    for await (const _ of response) {
      // read to its end
    }
    statuses.push(response.statusCode ?? 0)
    isLast = response.headers.connection === 'close'
  }
  agent.destroy()
  return statuses
}

const jobsOf = ({ query }: Fleet, auditId: string) =>
  query<{ state: string; tries: number }>(
    `SELECT DISTINCT state, retry_count AS tries FROM pgboss.job
     WHERE name LIKE '%/office' AND state <> 'failed' AND data->>'auditId' = '${auditId}'`,
  )

describe.concurrent('SIGTERM', () => {
  test('under load: every request gets a response, persistent connections get `Connection: close`, and the exit is 0', async ({
    expect,
  }) => {
    await using fleet = await startFleet()
    await using service = await startServiceProcess(fleet.url, grace, 'api')
    const key = await fleet.stores.keys.create('test', ['admin'])
    const body = JSON.stringify({
      policy: ports.name,
      targets: [{ name: 'host', address: '127.0.0.1' }],
      params: { openPort: 1, closedPort: 2 },
    })
    // There is no worker, so this one waits for its end until the service stops.
    const headers = { ...json, prefer: 'wait=15' }
    const waiting = service.call('/v1/audits', { method: 'POST', headers, body })
    const clients = inFull(100, 20)
    const paths = ['/v1/audits', '/v1/targets', '/livez', '/v1/policies', '/v1/vantages']
    const requesting = Array.from({ length: clients }, () => requestUntilClose(service, key, paths))
    await expect.poll(() => fleet.query('SELECT FROM audit')).toHaveLength(1)
    const { code, ms } = await terminate(service)
    expect(code).toBe(0)
    expect(ms).toBeLessThan(graceMs)
    expect((await waiting).status).toBe(202)
    const responses = (await Promise.all(requesting)).flat()
    expect(responses.length).toBeGreaterThan(clients)
    expect(new Set(responses)).toEqual(new Set([200]))
  })

  test('a worker in the middle of a batch finishes it', async ({ expect }) => {
    await using fleet = await startFleet()
    const slow = await listenSlowly(1_000)
    const worker = await fleet.startWorker(grace)
    const auditId = await fleet.acceptFor(3, { openPort: 1, closedPort: await freePort(), httpsPort: slow.port })
    await expect.poll(() => isConnectedTo(worker.pid, slow.port)).toBe(true)
    const { code, ms } = await terminate(worker)
    expect({ code, inTime: ms < graceMs }).toEqual({ code: 0, inTime: true })
    expect(await jobsOf(fleet, auditId)).toEqual([{ state: 'completed', tries: 0 }])
    await fleet.startWorker() // the other vantage may be left
    await fleet.expectWhole([auditId], 3)
    await slow.close()
  })

  test('a batch that does not end within the grace time is handed back immediately, and done by another worker', async () => {
    await using fleet = await startFleet()
    await using target = await listenHolding()
    const worker = await fleet.startWorker(grace)
    const auditId = await fleet.acceptFor(3, { openPort: 1, closedPort: await freePort(), httpsPort: target.port })
    await target.holds()
    const { code, ms } = await terminate(worker)
    expect({ code, inTime: ms < graceMs }).toEqual({ code: 0, inTime: true })
    expect(await jobsOf(fleet, auditId)).toEqual([{ state: 'created', tries: 0 }])
    target.release()
    await fleet.startWorker()
    await fleet.expectWhole([auditId], 3)
  })

  test('while it starts: it ends, and so does the embedded database that it has just started', async () => {
    const directory = await makeTempDir('signalled')
    const dataDir = join(directory.path, 'data')
    const home = clusterHome(dataDir)
    const forgets = [afterDeath(['rm', '-rf', home])]
    const starting = await spawnPeer(process.execPath, [...program], {
      env: { PATH: process.env.PATH, PORT: '0', PORTWARDEN_DATA_DIR: dataDir },
      ready: /Started PostgreSQL, process \d+/,
    })
    const [, pid = ''] = await starting.logged(/Started PostgreSQL, process (\d+)/)
    forgets.push(afterDeath(['kill', '-s', 'QUIT', pid]))
    const { code } = await terminate(starting)
    expect(code).toBe(0)
    expect(existsSync(join(home, 'postgres', 'PG_VERSION'))).toBe(true)
    expect(existsSync(join(home, 'postgres', 'postmaster.pid'))).toBe(false)
    await rm(home, { recursive: true, force: true })
    for (const forget of forgets) forget()
    await directory.remove()
  })
})
