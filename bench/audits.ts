import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Bench } from './main.ts'
import { figure, percentile } from './measure.ts'
import { portPolicy } from './policies.ts'
import { type Service, startService } from './service.ts'
import { openOwnStores } from './stores.ts'
import { ask } from './whole-audit.ts'

const wanted = 200
const seconds = Number(process.env.PORTWARDEN_BENCH_SECONDS ?? 30)
/** A bit more than wanted: the last ones are answered after the last was asked for. */
const rate = Number(process.env.PORTWARDEN_BENCH_AUDITS ?? 220)
const targets = Array.from({ length: 200 }, (_, i) => ({ name: `host-${i}`, address: `127.4.0.${i + 1}` }))

interface Outcome {
  completed: boolean
  /** From the moment at which it was due, so that what had to wait for its turn counts as late. */
  tookMs: number
}

/** Audits of one target and one port, asked for at a fixed rate whatever the answers do, each answered when it has ended. */
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
    await ask(service, '/v1/policies/one-port', { method: 'PUT', body: JSON.stringify(policy) })
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
      figure('audits that were not answered as completed', outcomes.length - completed.length, '', '0'),
      figure('findings that are missing, or too many', Math.abs(outcomes.length - recorded), '', '0'),
      figure('findings of the warm-up that are missing', Math.abs(warm.length - before), '', '0'),
    ]
  } finally {
    await service.stop()
    await stores.close()
    peer.close()
  }
}

/** Asks for so many audits in each second, without waiting for answers, over connections that stay open. */
async function offer(service: Service, perSecond: number, forSeconds: number): Promise<Outcome[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2000 }) // fewer than the service takes
  const startedAt = performance.now()
  const asked: Promise<Outcome>[] = []
  while (asked.length < perSecond * forSeconds) {
    const dueAt = startedAt + (asked.length / perSecond) * 1000
    const waitMs = dueAt - performance.now()
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs))
    asked.push(auditOne(service, agent, targets[asked.length % targets.length]?.name ?? '', dueAt))
  }
  const outcomes = await Promise.all(asked)
  agent.destroy()
  return outcomes
}

/** Never throws: an audit whose answer does not come was not completed. */
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
  const asked = request(url + path, { method: body ? 'POST' : 'GET', agent, headers })
  asked.end(body && JSON.stringify(body))
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return JSON.parse(await text(answer)) as { id: string; status: unknown; verdict?: string }
}
