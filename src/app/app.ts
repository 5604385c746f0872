import type { ServerParts, View } from '../api/context.ts'
import { type Config, version } from '../config/index.ts'
import { createSignInLinks } from '../operations/access/sign-in-links.ts'
import { createAuditEnding } from '../operations/audits/end.ts'
import type { Parts } from '../operations/context.ts'
import { createDiscoveryDesk } from '../operations/learning/leases.ts'
import { createScheduler, type Scheduler } from '../operations/schedules/tick.ts'
import { createTraceDesk } from '../operations/traces/leases.ts'
import { createLeaseDesk } from '../operations/vantages/leases.ts'
import type { Notifier } from '../operations/webhooks/notifier.ts'
import { type PageUrls, pageUrls } from '../report/page-urls.ts'
import type { Notifications } from '../store/db/listen.ts'
import { traceEnding } from '../telemetry/traced.ts'
import { openProcessConnector } from './connector.ts'
import { type DatabaseOptions, openAppDatabase } from './database.ts'
import { openEgress } from './egress.ts'
import { serveMetrics } from './metrics.ts'
import { createProbers } from './probers.ts'
import { openJobs, openNotifications } from './queue.ts'
import { checkReady } from './readiness.ts'
import { openReplicaView, openStores } from './stores.ts'
import { openTracing } from './tracing.ts'
import { openDiscoveryWorkers } from './vantage-work/discoveries.ts'
import { openTraceWorkers, traceAfterEnding } from './vantage-work/traces.ts'
import { openWebhooks } from './webhooks.ts'
import { startWorkers } from './workers.ts'

/** The service without HTTP, for the server and the commands. */
export interface App extends Parts {
  notifications: Notifications
  scheduler: Scheduler
  notifier: Notifier
  pages: PageUrls
  /** Input of `buildServer`. */
  serverParts: ServerParts & View
  /** Whether this process alone uses the embedded database. */
  ownsDatabase: boolean
  /** Starts the workers of the configured vantages. */
  work(): Promise<void>
  /** Waits up to `graceMs` for running work; hands back the rest. */
  rest(graceMs: number): Promise<void>
  /** Rests for the configured time, then closes every part. */
  close(): Promise<void>
}

/** Opens the parts in order; a failure closes those opened before. */
export async function startApp(config: Config, options: DatabaseOptions): Promise<App> {
  const { log } = options
  await using opening = new AsyncDisposableStack()
  const database = await openAppDatabase(opening, config, options)
  const { url, directUrl, handle, clock } = database
  const { now } = clock
  const tracing = await openTracing(opening, config)
  const { stores, transaction, metrics, knownKeys, keys } = await openStores(database, config, { tracing, log })
  const replicaView = openReplicaView(opening, database, config, { transaction, keys, log })
  const notifications = await openNotifications(opening, directUrl, knownKeys)
  const { waitForBatch, waitForDiscovery, waitForTrace, waitForOutbox } = notifications
  const connector = await openProcessConnector(opening, config, log)
  const { own, mayDial, poster } = await openEgress(opening, config, { connector, databaseUrls: [url, directUrl] })
  const ending = traceEnding(createAuditEnding({ transaction, onEnded: metrics.ended }), tracing)
  const endAudit = config.traceChanges
    ? traceAfterEnding(opening, { stores, transaction, now, endAudit: ending, log })
    : ending
  const queue = await openJobs(opening, config, { url, directUrl, waitForBatch, now, log })
  await serveMetrics(opening, config.metricsPort, { metrics, own, log })
  const probers = createProbers(config, { connector, never: own.list, now, log })
  const traceWorkers = openTraceWorkers(opening, { stores, waitForTrace, probers, log })
  const discoveryWorkers = openDiscoveryWorkers(opening, { stores, now, waitForDiscovery, probers, log })
  const { enqueueBatches, enqueueDelivery, enqueuePlan, enqueueReprobe, enqueueSlices, nextTicks } = queue
  const pages = pageUrls(config.console && config.listening.publicUrl)
  const next: Scheduler['next'] = ({ cron, timeZone }, from, count) => nextTicks(cron, timeZone, { from, count })
  const { notifier, seal } = openWebhooks(opening, config, {
    stores,
    transaction,
    enqueueDelivery,
    now,
    waitForOutbox,
    poster,
    pages,
    nextTicks: next,
    tracing,
    log,
  })
  const parts: Parts = {
    stores,
    transaction,
    now,
    endAudit,
    enqueueBatches,
    enqueueDelivery,
    enqueuePlan,
    enqueueReprobe,
    enqueueSlices,
  }
  const scheduler = createScheduler({ ...parts, nextTicks, quota: config.listening.limits })

  const opened = opening.move()
  return {
    ...parts,
    notifications,
    scheduler,
    notifier,
    pages,
    serverParts: {
      ...parts,
      replicaView,
      pages,
      notifications,
      scheduler,
      seal,
      listening: config.listening,
      metrics,
      tracing,
      proberFor: probers.proberFor,
      vantageWaitMs: config.vantageWaitMs,
      probeTimeoutMs: config.probeTimeoutMs,
      neverDial: own.addListener,
      checkReady: () => checkReady({ database: handle, queue, clock }),
      leases: createLeaseDesk({ ...parts, queue, waitForBatch }),
      traceLeases: createTraceDesk({ stores, waitForTrace }),
      discoveryLeases: createDiscoveryDesk({ stores, waitForDiscovery }),
      refuseTrace: probers.refuseTrace,
      mayDial,
      plainHttp: config.webhooks.plainHttp,
      tokens: config.tokens,
      console: config.console,
      signIn: config.signIn,
      signInLinks: createSignInLinks(),
      spoolDir: config.dataDir,
      version,
      log,
    },
    ownsDatabase: database.owner,
    work: () =>
      startWorkers(opened, config, {
        ...{ ...parts, queue, probers, traceWorkers, discoveryWorkers, scheduler, notifier, tracing, log },
      }),
    async rest(graceMs) {
      await Promise.all([notifier.stop(), traceWorkers.stop(), discoveryWorkers.stop(), queue.rest(graceMs)])
    },
    close: () => opened.disposeAsync(),
  }
}
