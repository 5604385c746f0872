import type { Logger } from 'pino'
import { type Config, type VantageConfig, version } from '../config/index.ts'
import { NotReadyError, RefusedError } from '../domain/errors.ts'
import type { TraceFailure } from '../domain/traces/trace.ts'
import { openBudget, openProber, type Prober } from '../probes/engine/prober.ts'
import type { Connector } from '../probes/network/connector/connector.ts'
import type { Egress } from './egress.ts'

export interface VantageProber extends Prober {
  vantage: VantageConfig
}

export interface Probers {
  list: readonly VantageProber[]
  find(vantage: string): VantageProber | undefined
  /** Opens the probers to requests. */
  start(): void
  /** The prober for a request, by default of the first vantage; throws NotReadyError before `start`. */
  proberFor(vantage?: string): Prober
  /** Why a vantage of this process would not trace an endpoint; undefined also for vantages that it does not serve. */
  refuseTrace(vantage: string, endpoint: { host: string; port: number }): TraceFailure | undefined
}

interface ProberParts {
  connector: Connector
  never: Egress['own']['list']
  now: () => Date
  log: Logger
}

/** Creates the probers, which share one socket budget. */
export function createProbers(config: Config, { connector, never, now, log }: ProberParts): Probers {
  const settings = {
    probeTimeoutMs: config.probeTimeoutMs,
    budget: openBudget(config),
    connector,
    never,
    clock: now,
    version,
    env: process.env,
    log: (err: unknown, { probe, host, port }: { probe: string; host: string; port: number }) =>
      log.error({ err, probe, host, port }, 'a probe failed'),
  }
  const list = config.vantages.map((vantage) => ({ vantage, ...openProber({ ...vantage, ...settings }) }))
  const find = (name: string) => list.find(({ vantage }) => vantage.name === name)
  let started = false
  return {
    list,
    find,
    refuseTrace: (vantage, endpoint) => (started ? find(vantage)?.tracer.refusal(endpoint) : undefined),
    start() {
      started = true
    },
    proberFor(name) {
      if (!started) throw new NotReadyError('this process probes nothing: send the request to a worker of the vantage')
      const prober = name === undefined ? list[0] : find(name)
      if (prober) return prober
      throw new RefusedError([{ pointer: '/vantage', message: 'this process does not serve the vantage' }], 'query')
    },
  }
}
