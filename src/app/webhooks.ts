import type { Logger } from 'pino'
import { type Config, version } from '../config/index.ts'
import type { Parts } from '../operations/context.ts'
import type { Scheduler } from '../operations/schedules/tick.ts'
import { createNotifier, type Notifier } from '../operations/webhooks/notifier.ts'
import { createSeal, type Seal } from '../operations/webhooks/seal.ts'
import { keysOfDirectory } from '../operations/webhooks/seal-key.ts'
import type { PageUrls } from '../report/page-urls.ts'
import type { Notifications } from '../store/db/listen.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { Egress } from './egress.ts'
import type { AppStores } from './stores.ts'

interface WebhookParts extends Pick<AppStores, 'stores' | 'transaction'> {
  enqueueDelivery: Parts['enqueueDelivery']
  now: Parts['now']
  waitForOutbox: Notifications['waitForOutbox']
  poster: Egress['poster']
  pages: PageUrls
  nextTicks: Scheduler['next']
  tracing: Tracing | undefined
  log: Logger
}

interface Webhooks {
  notifier: Notifier
  seal: Seal
}

/** Opens the delivery of webhooks, traced when tracing is on. */
export function openWebhooks(
  stack: AsyncDisposableStack,
  config: Config,
  { poster, tracing, log, ...parts }: WebhookParts,
): Webhooks {
  const seal = createSeal(() => config.sealKeys ?? keysOfDirectory(config.dataDir))
  const notifier = createNotifier({
    ...parts,
    poster: tracing ? { ...poster, post: (post) => tracing.delivery(() => poster.post(post)) } : poster,
    seal,
    retrySeconds: config.webhooks.retrySeconds,
    receiversPerKey: config.webhooks.receiversPerKey,
    pathPrefix: config.listening.pathPrefix,
    userAgent: `portwarden/${version}`,
    onError: (err) => log.error({ err }, 'webhooks'),
  })
  stack.defer(notifier.stop)
  return { notifier, seal }
}
