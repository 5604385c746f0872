import { createServer } from 'node:net'
import { v7 as newUuid } from 'uuid'
import { openQueue } from '../src/jobs/queue.ts'
import { listen } from '../test/support/listen.ts'
import type { Bench } from './main.ts'
import { figure, median, percentile } from './measure.ts'
import { startService } from './service.ts'
import { openOwnStores } from './stores.ts'
import { callService, putPolicy } from './whole-audit.ts'

const jobs = 500
const pickUps = 50

/** The cost of the queue for each batch, and the time from the request of an audit to its first probe. */
export const measureQueue: Bench = async (dataDir) => {
  const eachMs = await timeEmptyBatches(dataDir)
  const tookMs = await timePickUps(dataDir)
  return [
    figure('a batch that does nothing', eachMs, 'ms', '< 5'),
    figure('from the request to the first probe, median', median(tookMs), 'ms', '< 50'),
    figure('the same, p95', percentile(tookMs, 0.95), 'ms'),
  ]
}

/** One worker that runs one batch at a time, over a full queue. */
async function timeEmptyBatches(dataDir: string): Promise<number> {
  const stores = await openOwnStores(dataDir)
  const queue = await openQueue({ url: stores.url, connections: 4, concurrency: 1, onError: console.error })
  try {
    const { promise: done, resolve } = Promise.withResolvers<void>()
    let left = jobs
    let startedAt = 0
    const runBatch = async () => {
      startedAt ||= performance.now()
      left -= 1
      if (left === 0) resolve()
    }
    const nothing = async () => {}
    await queue.work(['idle'], {
      ...{ planAudit: nothing, planSlices: nothing, failAudit: nothing, failBatch: nothing, maintain: nothing },
      ...{ reprobe: nothing, deliver: nothing, takeTicks: nothing, runBatch },
    })
    const auditId = newUuid()
    await stores.db.$transaction((tx) =>
      queue.enqueueBatches(
        tx,
        'idle',
        Array.from({ length: jobs }, (_, batchId) => ({ auditId, batchId, checks: 500 })),
      ),
    )
    await done
    return (performance.now() - startedAt) / (jobs - 1)
  } finally {
    await queue.stop(1000)
    await stores.close()
  }
}

/** Sequential audits of one target, which is this process: it observes when the first probe arrives. */
async function timePickUps(dataDir: string): Promise<number[]> {
  let seen = () => {}
  const server = createServer((socket) => {
    seen()
    socket.on('error', () => {}).destroy()
  })
  const { port } = await listen(server)
  const service = await startService(dataDir, { PORTWARDEN_AUDITS_PER_MINUTE: '100000' })
  try {
    await putPolicy(service, [port])
    const body = JSON.stringify({ policy: 'three-ports', targets: [{ name: 'loopback', address: '127.0.0.1' }] })
    const tookMs: number[] = []
    for (let i = 0; i < pickUps + 5; i++) {
      const { promise, resolve } = Promise.withResolvers<void>()
      seen = resolve
      const startedAt = performance.now()
      const ended = callService(service, '/v1/audits', { method: 'POST', body, headers: { prefer: 'wait=15' } })
      await promise
      tookMs.push(performance.now() - startedAt)
      await ended
    }
    return tookMs.slice(5)
  } finally {
    await service.stop()
    server.close()
  }
}
