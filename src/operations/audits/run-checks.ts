import type { Observation } from '../../domain/findings/observation.ts'
import type { Check, Observe } from '../../probes/engine/run-check.ts'
import { createCheckRunner } from './deduplicate-checks.ts'

/** What one vantage uses to look. */
export interface CheckRunner {
  observe: Observe
  /** Whether the canary endpoints of the vantage answer; true where it names none. */
  isOnline(): Promise<boolean>
}

/**
 * Makes the looks of a batch, in their order. Undefined where the vantage was cut off before or after: it sees every port as
 * shut then, so nothing it saw is believed.
 */
export async function runChecks(
  { observe, isOnline }: CheckRunner,
  checks: readonly Check[],
): Promise<Observation[] | undefined> {
  if (!(await isOnline())) return undefined
  const look = createCheckRunner(observe)
  const seen = await Promise.all(checks.map(look))
  return (await isOnline()) ? seen : undefined
}
