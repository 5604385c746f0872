import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { results } from '../domain/findings/judge.ts'
import { verdicts } from '../domain/findings/verdict.ts'
import { protocolNames } from '../domain/protocols/index.ts'

/** What of a finding is counted. `evidence` is null where nothing was looked at. */
interface CountedFinding {
  result: string
  latencyMs: number | null
  evidence: { probe: string } | null
}

/** How far the work is behind, as the database has it. */
interface Backlog {
  vantages: readonly {
    name: string
    queueDepth: { waiting: number; running: number }
    lagSeconds: number
    lastSeenAt: Date | null
  }[]
  scheduleLagSeconds: number
  deliveries: { waiting: number; lagSeconds: number }
}

export interface Metrics {
  contentType: string
  /** Findings that were recorded. */
  recorded(findings: readonly CountedFinding[]): void
  /** An audit has ended. */
  ended(audit: { status: string; verdict: string }): void
  /** An operation was answered. */
  answered(operation: string, status: number, tookMs: number): void
  /** All of it as Prometheus reads it. Without the database, the backlog is missing and `portwarden_database_up` is 0. */
  render(): Promise<string>
}

const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Counts what this process does; what is true of all processes together is asked for when somebody reads. */
export function createMetrics(backlog: () => Promise<Backlog>): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const audits = new Counter({
    name: 'portwarden_audits_total',
    help: 'Audits that this process ended',
    labelNames: ['status', 'verdict'],
    registers,
  })
  const checks = new Counter({
    name: 'portwarden_checks_total',
    help: 'Checks that this process recorded; the probe is "none" where nothing was looked at',
    labelNames: ['probe', 'result'],
    registers,
  })
  // From the beginning: a series that begins with its first failure shows no increase.
  for (const status of ['completed', 'canceled', 'failed'])
    for (const verdict of verdicts) audits.inc({ status, verdict }, 0)
  for (const probe of ['none', ...protocolNames]) for (const result of results) checks.inc({ probe, result }, 0)
  const probeSeconds = new Histogram({
    name: 'portwarden_probe_duration_seconds',
    help: 'Duration of the try that decided a recorded check',
    labelNames: ['probe'],
    buckets: durations,
    registers,
  })
  const answerSeconds = new Histogram({
    name: 'portwarden_http_request_duration_seconds',
    help: 'Duration of answers of this process by operationId and class of the status',
    labelNames: ['operation', 'status'],
    buckets: durations,
    registers,
  })
  const showBacklog = createBacklogGauges(registers)

  return {
    contentType: registry.contentType,
    recorded(findings) {
      for (const { result, latencyMs, evidence } of findings) {
        checks.inc({ probe: evidence?.probe ?? 'none', result })
        if (evidence && latencyMs !== null) probeSeconds.observe({ probe: evidence.probe }, latencyMs / 1000)
      }
    },
    ended: ({ status, verdict }) => audits.inc({ status, verdict }),
    answered: (operation, status, tookMs) =>
      answerSeconds.observe({ operation, status: `${Math.floor(status / 100)}xx` }, tookMs / 1000),
    async render() {
      showBacklog(await backlog().catch(() => undefined)) // without the database the rest is told, and that it is down
      return registry.metrics()
    },
  }
}

/** The gauges of what all processes share; each series goes when what it speaks of is not known any more. */
function createBacklogGauges(registers: Registry[]) {
  const up = new Gauge({ name: 'portwarden_database_up', help: 'Whether the database answered', registers })
  const batches = new Gauge({
    name: 'portwarden_vantage_batches',
    help: 'Batches of a vantage in the queue, of all processes',
    labelNames: ['vantage', 'state'],
    registers,
  })
  const lag = new Gauge({
    name: 'portwarden_vantage_lag_seconds',
    help: 'How long the oldest batch that waits for a vantage has waited',
    labelNames: ['vantage'],
    registers,
  })
  const seen = new Gauge({
    name: 'portwarden_vantage_last_seen_timestamp_seconds',
    help: 'When a vantage was seen last',
    labelNames: ['vantage'],
    registers,
  })
  const scheduleLag = new Gauge({
    name: 'portwarden_schedule_lag_seconds',
    help: 'How late the oldest tick of a schedule is that nobody has taken yet',
    registers,
  })
  const deliveries = new Gauge({
    name: 'portwarden_webhook_deliveries_waiting',
    help: 'Deliveries to webhooks that were not taken yet and will be tried again',
    registers,
  })
  const deliveryLag = new Gauge({
    name: 'portwarden_webhook_lag_seconds',
    help: 'How long the oldest delivery that waits has waited',
    registers,
  })
  return (backlog: Backlog | undefined) => {
    up.set(backlog ? 1 : 0)
    for (const gauge of [batches, lag, seen]) gauge.reset()
    scheduleLag.set(backlog?.scheduleLagSeconds ?? Number.NaN)
    deliveries.set(backlog?.deliveries.waiting ?? Number.NaN)
    deliveryLag.set(backlog?.deliveries.lagSeconds ?? Number.NaN)
    for (const { name: vantage, queueDepth, lagSeconds, lastSeenAt } of backlog?.vantages ?? []) {
      batches.set({ vantage, state: 'waiting' }, queueDepth.waiting)
      batches.set({ vantage, state: 'running' }, queueDepth.running)
      lag.set({ vantage }, lagSeconds)
      if (lastSeenAt) seen.set({ vantage }, lastSeenAt.getTime() / 1000)
    }
  }
}
