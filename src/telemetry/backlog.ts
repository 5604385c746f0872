import { Gauge, type Registry } from '@prometheus-io/client'
import { type Severity, severities } from '../domain/policy/policy.ts'

/** Waiting work, from the database. */
export interface Backlog {
  vantages: readonly {
    name: string
    queueDepth: { waiting: number; running: number }
    lagSeconds: number
    lastSeenAt: Date | null
  }[]
  scheduleLagSeconds: number
  deliveries: { waiting: number; lagSeconds: number; dead: number }
  ledger: { at: Date | null; isKeyKnown: boolean }
  /** Of this process. */
  connections: { max: number; busy: number; idle: number; waiting: number }
  standing: Standing
}

/** What is counted from history, and may be a minute old. */
export interface Standing {
  audits: { open: number; overdue: number; oldestSeconds: number }
  /** Of the last 24 hours. */
  missedRuns: number
  /** Findings that fail without a waiver. */
  failing: Record<Severity, number>
  /** Certificates that end within so many days; `0d`: that have ended. */
  certificates: Record<'0d' | '7d' | '30d', number>
}

/** Gauges of all processes, without deleted vantages; NaN or missing while the database is down. */
export function createBacklogGauges(registers: Registry[]) {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name: `portwarden_${name}`, help, labelNames, registers })
  const up = gauge('database_up', 'Whether the database responded')
  const connections = gauge('database_connections', 'Connections of this process to the database', 'state')
  const maxConnections = gauge('database_connections_max', 'Most connections of this process to the database')
  const statements = gauge('database_waiting', 'Statements of this process that wait for a connection')
  const batches = gauge('vantage_batches', 'Batches of a vantage in the queue, of all processes', 'vantage', 'state')
  const lag = gauge('vantage_lag_seconds', 'Age of the oldest waiting batch of a vantage', 'vantage')
  const seen = gauge('vantage_last_seen_timestamp_seconds', 'Time of the last heartbeat of a vantage', 'vantage')
  const scheduleLag = gauge('schedule_lag_seconds', 'Delay of the oldest due schedule tick that no process has handled')
  const missedRuns = gauge('schedule_runs_missed', 'Runs of schedules in the last 24 hours that had no audit')
  const deliveries = gauge('webhook_deliveries_waiting', 'Webhook deliveries that will be tried or retried')
  const dead = gauge('webhook_deliveries_dead', 'Webhook deliveries that were given up')
  const deliveryLag = gauge('webhook_lag_seconds', 'Age of the oldest waiting webhook delivery')
  const open = gauge('audits_open', 'Audits that have not ended')
  const overdue = gauge('audits_overdue', 'Audits that have not ended by their deadline')
  const oldest = gauge('audit_oldest_seconds', 'Age of the oldest audit that has not ended')
  const failing = gauge('findings_failing', 'Findings that fail without a waiver, by severity of the rule', 'severity')
  const certificates = gauge('certificates_expiring', 'Certificates of targets that end within a time', 'within')
  const ledgerAt = gauge('ledger_last_entry_timestamp_seconds', 'Time of the newest entry of the ledger')
  const keyKnown = gauge('ledger_key_known', 'Whether this process has the key of the newest entry of the ledger')

  return (backlog: Backlog | undefined) => {
    up.set(backlog ? 1 : 0)
    for (const one of [batches, lag, seen]) one.reset()
    const { standing, deliveries: sent, connections: pool, ledger } = backlog ?? {}
    for (const state of ['busy', 'idle'] as const) connections.set({ state }, pool?.[state] ?? Number.NaN)
    for (const severity of severities) failing.set({ severity }, standing?.failing[severity] ?? Number.NaN)
    for (const within of ['0d', '7d', '30d'] as const)
      certificates.set({ within }, standing?.certificates[within] ?? Number.NaN)
    const values: [Gauge, number | undefined][] = [
      [maxConnections, pool?.max],
      [statements, pool?.waiting],
      [scheduleLag, backlog?.scheduleLagSeconds],
      [missedRuns, standing?.missedRuns],
      [deliveries, sent?.waiting],
      [dead, sent?.dead],
      [deliveryLag, sent?.lagSeconds],
      [open, standing?.audits.open],
      [overdue, standing?.audits.overdue],
      [oldest, standing?.audits.oldestSeconds],
      [ledgerAt, ledger?.at ? ledger.at.getTime() / 1000 : undefined],
      [keyKnown, ledger && Number(ledger.isKeyKnown)],
    ]
    for (const [one, value] of values) one.set(value ?? Number.NaN)
    for (const { name: vantage, queueDepth, lagSeconds, lastSeenAt } of backlog?.vantages ?? []) {
      batches.set({ vantage, state: 'waiting' }, queueDepth.waiting)
      batches.set({ vantage, state: 'running' }, queueDepth.running)
      lag.set({ vantage }, lagSeconds)
      if (lastSeenAt) seen.set({ vantage }, lastSeenAt.getTime() / 1000)
    }
  }
}
