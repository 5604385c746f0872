import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { operationQuotas } from '../domain/errors.ts'
import { results } from '../domain/findings/judge.ts'
import { verdicts } from '../domain/findings/verdict.ts'
import { protocolNames } from '../domain/protocols/index.ts'
import { type Backlog, createBacklogGauges } from './backlog.ts'

/** The counted part of a finding; `evidence`: null without probe. */
interface CountedFinding {
  result: string
  latencyMs: number | null
  evidence: { probe: string } | null
}

export interface Metrics {
  contentType: string
  /** Counts recorded findings. */
  recorded(findings: readonly CountedFinding[]): void
  /** Counts an ended audit. */
  ended(audit: { status: string; verdict: string }): void
  /** Counts a response. */
  responded(operation: string, status: number, tookMs: number): void
  /** The number of open connections. */
  connected(open: number): void
  /** Counts what a quota refused. */
  refused(quota: string): void
  /** The text format of Prometheus. While the database is down, backlog series are NaN or missing. */
  render(): Promise<string>
}

const connectionQuotas = ['connections', 'connections-closed', 'connections-rejected']
const quotas = [...connectionQuotas, 'imports', 'spool', 'streams', ...operationQuotas]
/** Metrics of the library whose names Prometheus objects to; other metrics of it say the same. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
]
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Counts the work of this process; reads the backlog at scrapes. */
export function createMetrics(backlog: () => Promise<Backlog>): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, eventLoopUtilizationTimeout: 1_000 })
  for (const name of misnamed) registry.removeSingleMetric(name)
  const audits = new Counter({
    name: 'portwarden_audits_total',
    help: 'Audits that this process ended',
    labelNames: ['status', 'verdict'],
    registers,
  })
  const checks = new Counter({
    name: 'portwarden_checks_total',
    help: 'Checks that this process recorded; the probe is "none" when nothing was probed',
    labelNames: ['probe', 'result'],
    registers,
  })
  // A series that starts with a failure shows no increase.
  for (const status of ['completed', 'canceled', 'failed'])
    for (const verdict of verdicts) audits.inc({ status, verdict }, 0)
  for (const probe of ['none', ...protocolNames]) for (const result of results) checks.inc({ probe, result }, 0)
  const probeSeconds = new Histogram({
    name: 'portwarden_probe_duration_seconds',
    help: 'Duration of the attempt that decided a recorded check',
    labelNames: ['probe'],
    buckets: durations,
    registers,
  })
  const responseSeconds = new Histogram({
    name: 'portwarden_http_request_duration_seconds',
    help: 'Duration of responses of this process by operationId and status class',
    labelNames: ['operation', 'status'],
    buckets: durations,
    registers,
  })
  const connections = new Gauge({ name: 'portwarden_connections', help: 'Open connections of clients', registers })
  const refusals = new Counter({
    name: 'portwarden_quota_refusals_total',
    help: 'Requests and connections that a quota refused or closed',
    labelNames: ['quota'],
    registers,
  })
  for (const quota of quotas) refusals.inc({ quota }, 0)
  const showBacklog = createBacklogGauges(registers)

  return {
    contentType: registry.contentType,
    recorded(findings) {
      for (const { result, latencyMs, evidence } of findings) {
        checks.inc({ probe: evidence?.probe ?? 'none', result })
        if (evidence && latencyMs !== null) probeSeconds.observe({ probe: evidence.probe }, latencyMs / 1000)
      }
    },
    connected: (open) => connections.set(open),
    refused: (quota) => refusals.inc({ quota }),
    ended: ({ status, verdict }) => audits.inc({ status, verdict }),
    responded: (operation, status, tookMs) =>
      responseSeconds.observe({ operation, status: `${Math.floor(status / 100)}xx` }, tookMs / 1000),
    async render() {
      showBacklog(await backlog().catch(() => undefined))
      return registry.metrics()
    },
  }
}
