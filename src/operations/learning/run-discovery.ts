import type { Discovery } from '../../domain/learning/discovery.ts'
import { type DiscoveryFailure, readPorts } from '../../domain/learning/discovery.ts'
import type { TakenDiscovery } from '../../store/learning/discoveries.ts'
import type { CheckRunner } from '../audits/run-checks.ts'
import { discover, OfflineError } from './discover.ts'

export interface RunParts {
  runner: CheckRunner
  now: () => Date
  /** Ends running discoveries, which are handed back. */
  signal: AbortSignal
  /** Receives errors of the prober itself. */
  onError(error: unknown): void
}

/** What a vantage finds, or why nothing; undefined once `signal` has come. */
export async function runDiscovery(
  { runner, now, signal, onError }: RunParts,
  { targets, ports }: Pick<TakenDiscovery, 'targets' | 'ports'>,
): Promise<Discovery | { failure: DiscoveryFailure } | undefined> {
  try {
    return await discover(runner, { targets, ports: readPorts(ports) ?? [] }, { now, signal })
  } catch (error) {
    if (signal.aborted) return undefined
    if (error instanceof OfflineError) return { failure: 'vantage-offline' }
    onError(error)
    return { failure: 'discovery-failed' }
  }
}
