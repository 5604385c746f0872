import type { Logger } from 'pino'
import { type Config, type Listening, version } from '../config/index.ts'
import { NotReadyError, RefusedError } from '../domain/errors.ts'
import { openQueue } from '../jobs/queue.ts'
import { startDeadlines } from '../operations/audits/deadlines.ts'
import { createAuditEnding } from '../operations/audits/end.ts'
import { failPlanning, planAudit } from '../operations/audits/plan.ts'
import { failBatch, runBatch } from '../operations/audits/run-batch.ts'
import type { Parts } from '../operations/context.ts'
import { reprobeWindow } from '../operations/exceptions/windows.ts'
import { createScheduler, type Scheduler } from '../operations/schedules/tick.ts'
import { startHeartbeat } from '../operations/vantages/heartbeat.ts'
import { createLeaseDesk, type LeaseDesk } from '../operations/vantages/leases.ts'
import { createPoster } from '../operations/webhooks/http-client.ts'
import { createNotifier, type Notifier } from '../operations/webhooks/notifier.ts'
import { createSeal } from '../operations/webhooks/seal.ts'
import { keyOfDirectory } from '../operations/webhooks/seal-key.ts'
import { builtInPolicies } from '../policies/built-in.ts'
import { openBudget, openProber, type Prober } from '../probes/engine/prober.ts'
import { createOwnEndpoints, type OwnEndpoints, ownNamesEveryMs } from '../probes/network/denied-endpoints.ts'
import { type Gate, openGate } from '../probes/network/guarded-connect.ts'
import { systemLookup } from '../probes/network/resolve.ts'
import { createKnownKeys } from '../store/access/key-cache.ts'
import { loadCodes } from '../store/db/codes.ts'
import { databaseEndpoint, openDatabase } from '../store/db/database.ts'
import { startEmbedded } from '../store/db/embedded/index.ts'
import { listenForNotifications, type Notifications } from '../store/db/listen.ts'
import { maintain } from '../store/db/maintenance.ts'
import { migrate } from '../store/db/migrate.ts'
import { throughOutages } from '../store/db/outages.ts'
import { ensurePartitions } from '../store/db/partitions.ts'
import { createStores, createTransact, type Stores, type Transact } from '../store/db/stores.ts'
import { policyPut } from '../store/inventory/policies.ts'
import { ensureLedgerKeys } from '../store/ledger/key-file.ts'
import { listenForMetrics } from '../telemetry/listener.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { traceEnding, traceStores } from '../telemetry/traced.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { checkReady } from './readiness.ts'

/** The service without its HTTP side: the same for the server and for the command line. */
export interface App extends Parts {
  scheduler: Scheduler
  leases: LeaseDesk
  notifications: Notifications
  notifier: Notifier
  /** Whether webhooks may lead to this host, as far as can be said without asking for its address. */
  mayDial: Gate['mayDial']
  /** Whether webhooks may lead over plain HTTP to other machines. */
  plainHttp: boolean
  metrics: Metrics
  /** Undefined where nothing is traced. */
  tracing: Tracing | undefined
  /** The eyes of a vantage that this process looks from, by default the first; throws where it has none. */
  proberFor(vantage?: string): Prober
  probeTimeoutMs: number
  /** Whether the embedded database, if there is one, belongs to this process alone. */
  owner: boolean
  /** How its HTTP side listens, and what it takes. */
  listening: Listening
  tokens: Config['tokens']
  /** Where a request may keep for a moment what is too large for memory. */
  spoolDir: string
  /** Never to be dialled by a probe of this process. */
  neverDial: OwnEndpoints['addListener']
  /** Rejects with NotReadyError while the database, its migrations or the queue are not as they must be. */
  checkReady(): Promise<void>
  /** Starts to plan audits and to run batches of the configured vantages. */
  work(): Promise<void>
  /** Takes no more work, and waits up to `graceMs` for what is running; what runs longer is handed back. */
  rest(graceMs: number): Promise<void>
  /** The same within the configured time, and gives everything back, the embedded database last. */
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
  const keys = config.ledgerKeys ?? ensureLedgerKeys(config.dataDir)
  // Loaded here alone: who does not trace pays nothing for it.
  const tracing = config.otlpEndpoint
    ? await import('../telemetry/tracing.ts').then((made) =>
        made.startTracing({ endpoint: config.otlpEndpoint ?? '', version }),
      )
    : undefined
  if (tracing) closers.push(tracing.stop)
  const step: Tracing['step'] = (name, auditId, attributes, work) =>
    tracing ? tracing.step(name, auditId, attributes, work) : work()
  const metrics = createMetrics(async () => ({
    vantages: await stores.vantages.states(),
    scheduleLagSeconds: await stores.schedules.lagSeconds(new Date()),
    deliveries: await stores.deliveries.backlog(),
  }))
  const knownKeys = createKnownKeys()
  const shared = { keys, watch: metrics, knownKeys }
  const stores: Stores = traceStores(createStores(database.db, codes, shared), tracing)
  const transaction = createTransact(database, codes, shared)
  await transaction((tx) => tx.ledger.begin('system'))
  await addBuiltInPolicies(transaction)

  const notifications = await listenForNotifications(url, knownKeys)
  closers.push(notifications.close)
  const own = await findOwnEndpoints(config.listening, url)
  const gate = openGate({ ...config.webhooks, never: own.list })
  const poster = createPoster({ ...config.webhooks, connect: gate.connect })
  closers.push(async () => poster.close())
  const queue = await openQueue({
    url,
    connections: config.databaseConnections,
    concurrency: config.batches,
    waitForBatch: notifications.waitForBatch,
    onError: (err) => log.error({ err }, 'queue'),
  })
  closers.push(() => queue.stop(config.graceMs))

  if (config.metricsPort !== undefined) {
    const listener = await listenForMetrics(metrics, config.metricsPort)
    closers.push(listener.close)
    own.addListener(listener.address)
    log.info(listener.address, 'metrics are served')
  }

  const lookingAgain = setInterval(() => void own.refresh(), ownNamesEveryMs).unref()
  closers.push(async () => clearInterval(lookingAgain))

  const proberSettings = {
    probeTimeoutMs: config.probeTimeoutMs,
    budget: openBudget(config),
    never: own.list,
    version,
    env: process.env,
    log: (err: unknown, { probe, host, port }: { probe: string; host: string; port: number }) =>
      log.error({ err, probe, host, port }, 'a probe failed'),
  }
  const probers = config.vantages.map((vantage) => ({ vantage, ...openProber({ ...vantage, ...proberSettings }) }))

  const notifier = createNotifier({
    stores,
    transaction,
    enqueueDelivery: queue.enqueueDelivery,
    waitForOutbox: notifications.waitForOutbox,
    poster: tracing ? { ...poster, post: (post) => tracing.delivery(() => poster.post(post)) } : poster,
    seal: createSeal(() => config.secretKey ?? keyOfDirectory(config.dataDir)),
    retrySeconds: config.webhooks.retrySeconds,
    userAgent: `portwarden/${version}`,
    onError: (err) => log.error({ err }, 'webhooks'),
  })
  closers.push(notifier.stop)

  const parts: Parts = {
    stores,
    transaction,
    endAudit: traceEnding(createAuditEnding({ transaction, onEnded: metrics.ended }), tracing),
    enqueuePlan: queue.enqueuePlan,
    enqueueReprobe: queue.enqueueReprobe,
    enqueueBatches: queue.enqueueBatches,
  }
  let working = false
  const scheduler = createScheduler({ ...parts, nextTicks: queue.nextTicks, quota: config.listening.limits })
  return {
    ...parts,
    scheduler,
    leases: createLeaseDesk({ ...parts, queue, waitForBatch: notifications.waitForBatch }),
    notifications,
    notifier,
    metrics,
    tracing,
    proberFor(name) {
      if (!working) throw new NotReadyError('this process looks at nothing: ask one that works for a vantage')
      const prober = name === undefined ? probers[0] : probers.find(({ vantage }) => vantage.name === name)
      if (prober) return prober
      throw new RefusedError([{ pointer: '/vantage', message: 'this process does not look from there' }], 'query')
    },
    probeTimeoutMs: config.probeTimeoutMs,
    mayDial: gate.mayDial,
    plainHttp: config.webhooks.plainHttp,
    owner: embedded?.owner ?? false,
    listening: config.listening,
    tokens: config.tokens,
    spoolDir: config.dataDir,
    neverDial: own.addListener,
    checkReady: () => checkReady({ database, queue }),
    async work() {
      const onError = (err: unknown) => log.error({ err }, 'a heartbeat failed')
      for (const prober of probers) {
        const heartbeat = await startHeartbeat({ ...stores, ...prober, version, onError })
        closers.push(heartbeat.stop)
        void prober.isOnline() // so that its state is known before the first batch
      }
      const names = probers.map(({ vantage }) => vantage.name)
      await queue.work(names, {
        planAudit: ({ auditId }) => step('plan', auditId, {}, () => throughOutages(() => planAudit(parts, auditId))),
        failAudit: ({ auditId }) => failPlanning(parts, auditId),
        runBatch: async (job, name) => {
          const prober = probers.find(({ vantage }) => vantage.name === name)
          if (!prober) throw new Error(`a batch came for the vantage ${name}, which is not served here`)
          const attributes = { 'portwarden.vantage': name, 'portwarden.batch.id': job.batchId }
          await step('batch', job.auditId, attributes, () => runBatch({ ...parts, ...prober }, job))
        },
        failBatch: (job) => failBatch(parts, job),
        reprobe: (job) => reprobeWindow(parts, job, new Date()),
        takeTicks: scheduler.tick,
        deliver: notifier.deliver,
        maintain: async () => {
          const { droppedPartitions } = await maintain(
            { db: database.db, transaction },
            { retentionDays: config.retentionDays, webhookRetentionDays: config.webhooks.retentionDays },
          )
          log.info({ droppedPartitions }, 'maintenance done')
        },
      })
      const deadlines = startDeadlines({ ...parts, dropBatches: queue.dropBatches }, (err) =>
        log.error({ err }, 'an audit could not be ended at its deadline'),
      )
      closers.push(deadlines.stop)
      notifier.start()
      working = true
    },
    async rest(graceMs) {
      await Promise.all([notifier.stop(), queue.rest(graceMs)])
    },
    close,
  }
}

/** What an audit must never dial: the service's own database, wherever its name leads, and its own listener. */
async function findOwnEndpoints({ host, port }: Listening, url: string): Promise<OwnEndpoints> {
  const own = createOwnEndpoints(systemLookup)
  const database = databaseEndpoint(url)
  if (database) await own.addHost(database.host, database.port)
  if (port !== 0) own.addListener({ address: host, port })
  return own
}

async function addBuiltInPolicies(transaction: Transact): Promise<void> {
  for (const policy of builtInPolicies()) {
    await transaction(async ({ policies, ledger }) => {
      const added = await policies.ensure(policy)
      if (added) ledger.record(policyPut('system', added))
    })
  }
}
