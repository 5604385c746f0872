import type { Logger } from 'pino'
import type { Config } from '../config/index.ts'
import { clockOf, openQueue, type Queue } from '../jobs/queue.ts'
import type { KnownKeys } from '../store/access/key-cache.ts'
import type { DatabaseClock } from '../store/db/clock.ts'
import { listenForNotifications, type Notifications } from '../store/db/listen.ts'

/** Listens for notifications of the database, which also invalidate `knownKeys`. */
export async function openNotifications(
  stack: AsyncDisposableStack,
  databaseUrl: string,
  knownKeys: KnownKeys,
): Promise<Notifications> {
  const notifications = await listenForNotifications(databaseUrl, knownKeys)
  stack.defer(notifications.close)
  return notifications
}

/** Of the queue, beside a pooler. */
const maxDirectConnections = 3

/**
 * Opens the job queues; closing waits for running jobs. They use no pooler: a transaction that holds a connection of it may wait
 * for the queue.
 */
export async function openJobs(
  stack: AsyncDisposableStack,
  { databaseConnections, batches: concurrency, graceMs }: Config,
  {
    url,
    directUrl,
    waitForBatch,
    now,
    log,
  }: {
    url: string
    directUrl: string
    waitForBatch: Notifications['waitForBatch']
    now: DatabaseClock['now']
    log: Logger
  },
): Promise<Queue> {
  const onError = (err: unknown) => log.error({ err }, 'queue')
  const connections = url === directUrl ? databaseConnections : Math.min(databaseConnections, maxDirectConnections)
  const queue = await openQueue({
    url: directUrl,
    connections,
    concurrency,
    waitForBatch,
    onError,
    clock: clockOf(now),
  })
  stack.defer(() => queue.stop(graceMs))
  return queue
}
