import { explainSilence } from '../../domain/findings/absent-host.ts'
import { boundBatch } from '../../domain/findings/bounds.ts'
import type { Observation } from '../../domain/findings/observation.ts'
import type { Binds } from '../../probes/engine/binds.ts'
import type { Check } from '../../probes/engine/check.ts'
import type { Observe } from '../../probes/engine/run-check.ts'
import { createLine, type RunInTurn } from '../../runtime/line.ts'
import { required } from '../../runtime/required.ts'
import { createCheckRunner } from './deduplicate-checks.ts'
import { createHostCheck } from './host-check.ts'

/** Runs the checks of one vantage. */
export interface CheckRunner {
  observe: Observe
  /** Permits the binds of checks with a credential. */
  binds?: Binds | undefined
  /** Whether a canary endpoint responds; true without any. */
  isOnline(): Promise<boolean>
  /** Bounds the checks that run at the same time; default: no bound. */
  inTurn?: RunInTurn
}

const unbounded = createLine(Number.POSITIVE_INFINITY)

/**
 * Runs the checks of a batch, in their order. Undefined where the vantage was offline before or after: every port seems closed
 * from there, so the observations prove nothing. Together they fit into the delivery of an agent.
 */
export async function runChecks(
  { observe: observeWith, binds, isOnline, inTurn = unbounded }: CheckRunner,
  checks: readonly Check[],
): Promise<Observation[] | undefined> {
  if (!(await isOnline())) return undefined
  const observe: Observe = (check) => observeWith(check, binds)
  const run = createCheckRunner(observe, checks)
  const complete = createHostCheck({ observe, run, checks })
  const seen = await inTurn(checks.length, async (index) => {
    const check = required(checks[index], `check ${index}`)
    return complete(check, await run(check))
  })
  return (await isOnline()) ? boundBatch(explainSilence(seen)) : undefined
}
