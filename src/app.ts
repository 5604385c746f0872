import { isIP } from 'node:net'
import type { Logger } from 'pino'
import type { Parts } from './audit/parts.ts'
import { planAudit } from './audit/plan.ts'
import { failBatch, runBatch } from './audit/run-batch.ts'
import { reprobeWindow } from './audit/windows.ts'
import { type Config, version } from './config.ts'
import { endAtDeadline } from './fleet/deadlines.ts'
import { startHeartbeat } from './fleet/heartbeat.ts'
import { createLeaseDesk, type LeaseDesk } from './fleet/leases.ts'
import { openQueue } from './fleet/queue.ts'
import { createScheduler, type Scheduler } from './fleet/schedules.ts'
import { builtInPolicies } from './policies/built-in.ts'
import { openBudget, openVantage } from './probes/vantage.ts'
import { loadCodes } from './store/codes.ts'
import { openDatabase } from './store/database.ts'
import { startEmbedded } from './store/embedded.ts'
import { maintain } from './store/maintenance.ts'
import { migrate } from './store/migrate.ts'
import { listenForNotifications, type Notifications } from './store/notifications.ts'
import { ensurePartitions } from './store/partitions.ts'
import { createStores } from './store/stores.ts'

export { version }

/** The service without its HTTP side: the same for the server and for the command line. */
export interface App extends Parts {
  scheduler: Scheduler
  leases: LeaseDesk
  notifications: Notifications
  /** Whether the embedded database, if there is one, belongs to this process alone. */
  owner: boolean
  /** Rejects while the database does not answer. */
  checkReady(): Promise<void>
  /** Starts to plan audits and to run batches of the configured vantages. */
  work(): Promise<void>
  /** Stops taking work, waits for what is running, and gives everything back, the embedded database last. */
  close(): Promise<void>
}

/** Starts the parts in their order and wires them. `exclusive`: the embedded database must belong to this process alone. */
export async function startApp(config: Config, { exclusive, log }: { exclusive: boolean; log: Logger }): Promise<App> {
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return await wire(config, { exclusive, log, closers, close })
  } catch (error) {
    await close()
    throw error
  }
}

interface Wiring {
  exclusive: boolean
  log: Logger
  closers: (() => Promise<void>)[]
  close: () => Promise<void>
}

async function wire(config: Config, { exclusive, log, closers, close }: Wiring): Promise<App> {
  const embedded = config.databaseUrl
    ? undefined
    : await startEmbedded({ dataDir: config.dataDir, exclusive, log: (line) => log.info(line) })
  if (embedded) closers.push(embedded.stop)
  const url = config.databaseUrl ?? embedded?.url ?? ''
  await migrate(url)

  const database = openDatabase(url, { connections: config.databaseConnections })
  closers.push(database.close)
  const codes = await loadCodes(database.db)
  await ensurePartitions(database.db)
  const stores = createStores(database.db, codes)
  const transaction: Parts['transaction'] = (work) => database.transaction((tx) => work(createStores(tx, codes), tx))
  for (const policy of builtInPolicies()) await stores.policies.ensure(policy)

  const notifications = await listenForNotifications(url)
  closers.push(notifications.close)
  const queue = await openQueue({
    url,
    connections: config.databaseConnections,
    concurrency: config.batches,
    onError: (err) => log.error({ err }, 'queue'),
  })
  closers.push(() => queue.stop(config.graceMs))

  const outlook = {
    probeTimeoutMs: config.probeTimeoutMs,
    budget: openBudget(config),
    never: ownEndpoints(config, url),
    version,
    env: process.env,
    log: (err: unknown, { probe, host, port }: { probe: string; host: string; port: number }) =>
      log.error({ err, probe, host, port }, 'a probe failed'),
  }
  const places = config.places.map((vantage) => ({ vantage, ...openVantage({ ...vantage, ...outlook }) }))

  const parts: Parts = {
    stores,
    transaction,
    enqueuePlan: queue.enqueuePlan,
    enqueueDeadline: queue.enqueueDeadline,
    enqueueReprobe: queue.enqueueReprobe,
    enqueueBatches: queue.enqueueBatches,
  }
  const scheduler = createScheduler({ ...parts, nextTicks: queue.nextTicks })
  return {
    ...parts,
    scheduler,
    leases: createLeaseDesk({ stores, queue, waitForBatch: notifications.waitForBatch }),
    notifications,
    owner: embedded?.owner ?? false,
    checkReady: database.ping,
    async work() {
      const onError = (err: unknown) => log.error({ err }, 'a heartbeat failed')
      for (const place of places) {
        const heartbeat = await startHeartbeat({ ...stores, ...place, version, onError })
        closers.push(heartbeat.stop)
        void place.isOnline() // so that its state is known before the first batch
      }
      const names = places.map(({ vantage }) => vantage.name)
      await queue.work(names, {
        planAudit: ({ auditId }) => planAudit(parts, auditId),
        failAudit: async ({ auditId }) => {
          await stores.audits.finish(auditId, 'the audit could not be planned; the log of the worker has the cause')
        },
        endAudit: ({ auditId }) =>
          endAtDeadline({ ...parts, dropBatches: queue.dropBatches }, { auditId, now: new Date() }),
        runBatch: async (job, name) => {
          const place = places.find(({ vantage }) => vantage.name === name)
          if (!place) throw new Error(`a batch came for the vantage ${name}, which is not served here`)
          await runBatch({ stores, ...place }, job)
        },
        failBatch: (job) => failBatch({ stores }, job),
        reprobe: (job) => reprobeWindow(parts, job, new Date()),
        takeTicks: scheduler.tick,
        maintain: async () => {
          const { droppedPartitions } = await maintain(database.db, { retentionDays: config.retentionDays })
          log.info({ droppedPartitions }, 'maintenance done')
        },
      })
    },
    close,
  }
}

/** What an audit must never dial: the service's own database and its own listener. */
function ownEndpoints(config: Config, url: string): { address: string; port: number }[] {
  const { hostname, port } = new URL(url)
  const database = { address: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 5432) }
  return [database, { address: config.host, port: config.port }].filter(({ address }) => isIP(address) !== 0)
}
