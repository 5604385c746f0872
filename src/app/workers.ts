import type { Logger } from 'pino'
import { type Config, version } from '../config/index.ts'
import type { JobHandlers, Queue } from '../jobs/queue.ts'
import { startDeadlines } from '../operations/audits/deadlines.ts'
import { failPlanning, planAudit, planSlices } from '../operations/audits/plan-audit.ts'
import { failBatch, runBatch } from '../operations/audits/run-batch.ts'
import type { Parts } from '../operations/context.ts'
import { publishDigest } from '../operations/digests/publish-digest.ts'
import { reprobeWindow } from '../operations/exceptions/reprobe-window.ts'
import { maintain } from '../operations/maintenance.ts'
import type { Scheduler } from '../operations/schedules/tick.ts'
import { announceVantage } from '../operations/vantages/announce.ts'
import { bindsOfBatch } from '../operations/vantages/binds.ts'
import { startHeartbeat } from '../operations/vantages/heartbeat.ts'
import type { Notifier } from '../operations/webhooks/notifier.ts'
import { throughOutages } from '../store/db/outages.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { Probers } from './probers.ts'
import type { DiscoveryWorkers } from './vantage-work/discoveries.ts'
import type { TraceWorkers } from './vantage-work/traces.ts'

export interface WorkerParts extends Parts {
  queue: Queue
  probers: Probers
  traceWorkers: TraceWorkers
  discoveryWorkers: DiscoveryWorkers
  scheduler: Scheduler
  notifier: Notifier
  tracing: Tracing | undefined
  log: Logger
}

/** Starts planning, running, delivering, and enforcing deadlines. */
export async function startWorkers(stack: AsyncDisposableStack, config: Config, parts: WorkerParts): Promise<void> {
  const { stores, queue, probers, traceWorkers, discoveryWorkers, notifier, log } = parts
  for (const prober of probers.list) {
    const onError = (err: unknown) => log.error({ err }, 'a heartbeat failed')
    const heartbeat = await startHeartbeat({
      ...{ ...stores, ...prober, version, onError },
      announce: (vantage, sign) => announceVantage(parts, vantage, sign),
    })
    stack.defer(heartbeat.stop)
    void prober.isOnline() // so that its state is known before the first batch
  }
  const names = probers.list.map(({ vantage }) => vantage.name)
  await queue.work(names, jobHandlers(config, parts))
  const deadlines = startDeadlines(
    { ...parts, dropBatches: queue.dropBatches, vantageWaitMs: config.vantageWaitMs },
    (err) => log.error({ err }, 'an audit could not be ended, or its unserved checks not recorded'),
  )
  stack.defer(deadlines.stop)
  notifier.start()
  traceWorkers.start()
  discoveryWorkers.start()
  probers.start()
}

function jobHandlers(config: Config, parts: WorkerParts): JobHandlers {
  const { probers, scheduler, notifier, tracing, log } = parts
  const step: Tracing['step'] = (name, auditId, attributes, work) =>
    tracing ? tracing.step(name, auditId, attributes, work) : work()
  return {
    planAudit: ({ auditId }) => step('plan', auditId, {}, () => throughOutages(() => planAudit(parts, auditId))),
    planSlices: ({ auditId }) => step('plan', auditId, {}, () => throughOutages(() => planSlices(parts, auditId))),
    failAudit: ({ auditId }) => failPlanning(parts, auditId),
    runBatch: async (job, vantage) => {
      const prober = probers.find(vantage)
      if (!prober) throw new Error(`a batch of the vantage ${vantage}, which this process does not serve`)
      const binds = bindsOfBatch(parts, { auditId: job.auditId, vantage })
      const attributes = { 'portwarden.vantage': vantage, 'portwarden.batch.id': job.batchId }
      await step('batch', job.auditId, attributes, () => runBatch({ ...parts, ...prober, binds }, job))
    },
    failBatch: (job) => failBatch(parts, job),
    reprobe: (job) => reprobeWindow(parts, job, parts.now()),
    takeTicks: async (now) => {
      try {
        await scheduler.tick(now)
      } finally {
        await publishDigest(parts, { now, times: config.webhooks.digest, nextTicks: scheduler.next })
      }
    },
    deliver: notifier.deliver,
    maintain: async () => {
      const { retentionDays, webhooks } = config
      const { droppedPartitions } = await maintain(parts, {
        retentionDays,
        webhookRetentionDays: webhooks.retentionDays,
      })
      log.info({ droppedPartitions }, 'maintenance done')
    },
  }
}
