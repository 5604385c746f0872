import type { Logger } from 'pino'
import { severities } from '../domain/policy/policy.ts'
import type { DatabaseClock } from '../store/db/clock.ts'
import type { DatabaseHandle } from '../store/db/database.ts'
import type { Stores } from '../store/db/stores.ts'
import type { Backlog, Standing } from '../telemetry/backlog.ts'
import { listenForMetrics } from '../telemetry/listener.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Egress } from './egress.ts'

/** Serves metrics on a loopback port, without a key. */
export async function serveMetrics(
  stack: AsyncDisposableStack,
  port: number | undefined,
  { metrics, own, log }: { metrics: Metrics; own: Egress['own']; log: Logger },
): Promise<void> {
  if (port === undefined) return
  const listener = await listenForMetrics(metrics, port)
  stack.defer(listener.close)
  own.addListener(listener.address)
  log.info(listener.address, 'metrics are served')
}

/** What is counted from history is not read more often, however often this process is scraped. */
const standingMs = 60_000
const dayMs = 86_400_000
/** Certificates that are counted at most. */
const maxCertificates = 1_000

interface BacklogParts {
  handle: Pick<DatabaseHandle, 'connections'>
  clock: Pick<DatabaseClock, 'now'>
  stores: () => Stores
}

/** Returns what reads the waiting work and the standing of all processes from the database. */
export function createBacklog({ handle, clock, stores }: BacklogParts): () => Promise<Backlog> {
  let standing: Promise<Standing> | undefined
  let readAt = Number.NEGATIVE_INFINITY
  const readStanding = () => {
    if (standing && performance.now() - readAt < standingMs) return standing
    readAt = performance.now()
    standing = standingOf(stores(), clock.now())
    standing.catch(() => {
      standing = undefined // the next scrape reads it again
    })
    return standing
  }
  return async () => {
    const { vantages, schedules, deliveries, ledger } = stores()
    return {
      vantages: await vantages.states(),
      scheduleLagSeconds: await schedules.lagSeconds(clock.now()),
      deliveries: await deliveries.backlog(),
      ledger: await ledger.newest(),
      connections: handle.connections(),
      standing: await readStanding(),
    }
  }
}

async function standingOf({ audits, schedules, currentFindings, certificates }: Stores, now: Date): Promise<Standing> {
  const { count, oldestAt, overdue } = await audits.open()
  const tallies = await currentFindings.tally(now, {})
  const failing = Object.fromEntries(severities.map((severity) => [severity, 0])) as Standing['failing']
  for (const { severity, result, waived, count } of tallies)
    if (severity !== null && result === 'fail' && !waived) failing[severity] += count
  const within = (days: number) => new Date(now.getTime() + days * dayMs)
  const { items } = await certificates.page(now, { expiresBefore: within(30) }, { limit: maxCertificates })
  const endsBefore = (end: Date) => items.filter(({ notAfter }) => new Date(notAfter) < end).length
  const lastDay = { from: within(-1), to: now, overdueAt: now }
  return {
    audits: {
      open: count,
      overdue,
      oldestSeconds: oldestAt ? Math.max(0, (now.getTime() - oldestAt.getTime()) / 1000) : 0,
    },
    missedRuns: (await schedules.missedRuns(lastDay)).total,
    failing,
    certificates: { '0d': endsBefore(now), '7d': endsBefore(within(7)), '30d': items.length },
  }
}
