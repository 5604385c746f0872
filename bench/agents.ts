import { readFile } from 'node:fs/promises'
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { connectToServer, type Server } from '../src/cli/agent/server.ts'
import { maxLeaseWaitSeconds } from '../src/domain/vantages/presence.ts'
import type { Bench } from './main.ts'
import { figure, percentile, timeMs } from './measure.ts'
import { type Service, startService } from './service.ts'
import { openOwnStores } from './stores.ts'
import { auditAll, callService, putPolicy } from './whole-audit.ts'

const agents = 1000
const audits = 200
const auditEveryMs = 100
const idleMs = 20_000
const nameOf = (i: number) => `branch-${i}`

/** A thousand agents long-poll one API: how soon one of them has the batch of an audit, and what waiting costs. */
export const measureAgents: Bench = async (dataDir) => {
  http.globalAgent.maxSockets = Number.POSITIVE_INFINITY
  const stores = await openOwnStores(dataDir)
  const env = { DATABASE_URL: stores.url, PORTWARDEN_AUDITS_PER_MINUTE: '100000' }
  const api = await startService(dataDir, env, 'api')
  const worker = await startService(dataDir, env, 'worker') // it plans
  const stop = new AbortController()
  const server = connectToServer({ url: new URL(api.url), key: api.key, env: {} })
  let leased = (_vantage: string) => {}
  const running: Promise<void>[] = []
  try {
    await putPolicy(api, [443])
    for (let i = 0; i < agents; i++) {
      await callService(api, `/v1/vantages/${nameOf(i)}`, {
        method: 'PUT',
        body: JSON.stringify({ zones: ['client'] }),
      })
      running.push(poll(server, nameOf(i), { signal: stop.signal, onLease: (vantage) => leased(vantage) }))
    }
    await pause(maxLeaseWaitSeconds * 1000) // spreads the ends of their polls, as in a long run
    const idle = await loadOf(api.pid, idleMs)

    const everywhere = await timeMs(async () => auditEverywhere(api))
    const tookMs: number[] = []
    const startedAt = new Map<string, number>()
    leased = (vantage) => tookMs.push(performance.now() - (startedAt.get(vantage) ?? Number.NaN))
    for (let i = 0; i < audits; i++) {
      const vantage = nameOf((i * 7) % agents)
      startedAt.set(vantage, performance.now())
      void startAudit(api, vantage)
      await pause(auditEveryMs)
    }
    for (const until = Date.now() + 10_000; tookMs.length < audits && Date.now() < until; ) await pause(50)
    return [
      figure(
        `${agents} agents: request of an audit to the lease of its batch, median`,
        percentile(tookMs, 0.5),
        'ms',
        '',
      ),
      figure('the same, p95', percentile(tookMs, 0.95), 'ms', '< 200'),
      figure('batches that no agent had', audits - tookMs.length, '', '= 0'),
      figure(`one audit of all ${agents} vantages`, everywhere, 'ms'),
      figure('API, while all of them wait', idle * 100, '% of a core', '< 10'),
    ]
  } finally {
    stop.abort()
    await Promise.all(running)
    server.close()
    await worker.stop()
    await api.stop()
    await stores.close()
  }
}

interface Polling {
  signal: AbortSignal
  onLease: (vantage: string) => void
}

/** An agent that probes nothing: it returns every leased batch without observations. */
async function poll(server: Server, vantage: string, { signal, onLease }: Polling): Promise<void> {
  const path = `/v1/vantages/${vantage}/leases`
  const timeoutMs = (maxLeaseWaitSeconds + 10) * 1000
  while (!signal.aborted) {
    try {
      const response = await server.post(path, { waitSeconds: maxLeaseWaitSeconds }, { timeoutMs, signal })
      if (response.status !== 200) continue
      onLease(vantage)
      const { id } = response.body as { id: string }
      await server.post(`${path}/${id}/observations`, { online: false, observations: [] }, { timeoutMs, signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

/** One audit of all vantages; it creates their queues. */
async function auditEverywhere(api: Service): Promise<void> {
  await auditAll(api, ['127.0.0.1'])
}

async function startAudit(api: Service, vantage: string): Promise<void> {
  const targets = [{ name: 'loopback', address: '127.0.0.1' }]
  await callService(api, '/v1/audits', {
    method: 'POST',
    body: JSON.stringify({ policy: 'three-ports', targets, vantages: [vantage] }),
  })
}

/** The share of a core that a process uses, on average over `ms`. */
async function loadOf(pid: number, ms: number): Promise<number> {
  const before = await processorMs(pid)
  await pause(ms)
  return ((await processorMs(pid)) - before) / ms
}

/** Processor time of a process, from /proc/PID/stat in hundredths of a second. */
async function processorMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
