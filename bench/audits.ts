import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Bench } from './main.ts'
import { figure, percentile } from './measure.ts'
import { portPolicy } from './policies.ts'
import { type Service, startService } from './service.ts'
import { openOwnStores } from './stores.ts'
import { callService } from './whole-audit.ts'

const wanted = 200
const seconds = Number(process.env.PORTWARDEN_BENCH_SECONDS ?? 30)
/** A bit more than wanted: the last ones end after the last request. */
const rate = Number(process.env.PORTWARDEN_BENCH_AUDITS ?? 220)
const targets = Array.from({ length: 200 }, (_, i) => ({ name: `host-${i}`, address: `127.4.0.${i + 1}` }))

interface Outcome {
  completed: boolean
  /** From when it was due, so that a delayed request counts as slow. */
  tookMs: number
}

/** Audits of one target and one port, requested at a fixed rate, each with a response when it has ended. */
export const measureAudits: Bench = async (dataDir) => {
  const peer = createServer((socket) => socket.on('error', () => {}).destroy()).listen(0, '0.0.0.0', 4096)
  await once(peer, 'listening')
  const stores = await openOwnStores(dataDir)
  const service = await startService(dataDir, {
    DATABASE_URL: stores.url,
    PORTWARDEN_ALLOW: '127.0.0.0/8',
    PORTWARDEN_AUDITS_PER_MINUTE: '10000000',
    PORTWARDEN_REQUESTS_PER_MINUTE: '10000000',
  })
  try {
    await stores.targets.save(targets)
    const policy = portPolicy('one-port', [(peer.address() as AddressInfo).port])
    await callService(service, '/v1/policies/one-port', { method: 'PUT', body: JSON.stringify(policy) })
    const warm = await offer(service, Math.min(rate, 50), Math.min(5, seconds))
    const before = await stores.db.finding.count()
    const startedAt = performance.now()
    const outcomes = await offer(service, rate, seconds)
    const tookSeconds = (performance.now() - startedAt) / 1000
    const completed = outcomes.filter((outcome) => outcome.completed)
    const tookMs = completed.map((outcome) => outcome.tookMs)
    const recorded = (await stores.db.finding.count()) - before
    return [
      figure(`audits of one target, ${rate}/s for ${seconds} s`, completed.length / tookSeconds, '/s', `≥ ${wanted}`),
      figure('from request to completed, p50', percentile(tookMs, 0.5), 'ms'),
      figure('the same, p99', percentile(tookMs, 0.99), 'ms', '< 1000'),
      figure('audits that did not complete', outcomes.length - completed.length, '', '0'),
      figure('findings that are missing, or too many', Math.abs(outcomes.length - recorded), '', '0'),
      figure('findings of the warm-up that are missing', Math.abs(warm.length - before), '', '0'),
    ]
  } finally {
    await service.stop()
    await stores.close()
    peer.close()
  }
}

/** Requests audits at a fixed rate without waiting for responses, over persistent connections. */
async function offer(service: Service, perSecond: number, forSeconds: number): Promise<Outcome[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2000 }) // fewer than the limit of the service
  const startedAt = performance.now()
  const requested: Promise<Outcome>[] = []
  while (requested.length < perSecond * forSeconds) {
    const dueAt = startedAt + (requested.length / perSecond) * 1000
    const waitMs = dueAt - performance.now()
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs))
    requested.push(auditOne(service, agent, targets[requested.length % targets.length]?.name ?? '', dueAt))
  }
  const outcomes = await Promise.all(requested)
  agent.destroy()
  return outcomes
}

/** Never throws: an audit without a response did not complete. */
async function auditOne(service: Service, agent: Agent, target: string, dueAt: number): Promise<Outcome> {
  const until = (completed: boolean) => ({ completed, tookMs: performance.now() - dueAt })
  try {
    let audit = await send(service, agent, '/v1/audits', { policy: 'one-port', targets: [target] })
    while (audit.status === 'queued' || audit.status === 'running')
      audit = await send(service, agent, `/v1/audits/${audit.id}`)
    return until(audit.status === 'completed' && audit.verdict === 'pass')
  } catch {
    return until(false)
  }
}

async function send({ url, key }: Service, agent: Agent, path: string, body?: object) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', prefer: 'wait=15' }
  const message = request(url + path, { method: body ? 'POST' : 'GET', agent, headers })
  message.end(body && JSON.stringify(body))
  const [response] = (await once(message, 'response')) as [IncomingMessage]
  return JSON.parse(await text(response)) as { id: string; status: unknown; verdict?: string }
}
