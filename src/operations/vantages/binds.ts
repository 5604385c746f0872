import { ConflictError, NotReadyError } from '../../domain/errors.ts'
import { type BindClaim, type BindDecision, withholdBind } from '../../domain/vantages/binds.ts'
import type { Binds } from '../../probes/engine/binds.ts'
import { pause } from '../../runtime/sleep.ts'
import type { View } from '../context.ts'

type BindParts = Pick<View, 'stores' | 'transaction'>

interface Claimant {
  auditId: string
  vantage: string
}

/** How often a claim reads whether the bind that it waits for has a result. */
const pollEveryMs = 50

/**
 * Asks for permission to bind once; waits up to `waitMs` for the result of a running bind of the account. Throws NotReadyError
 * where the signal aborts before the permission.
 */
export async function claimBind(
  { stores, transaction }: BindParts,
  claimant: Claimant,
  { waitMs, ...claim }: BindClaim,
  signal = new AbortController().signal,
): Promise<BindDecision> {
  if (!stores.binds.hasKey(claim.key)) throw new ConflictError('the lease is of a process with another ledger key')
  const bind = { ...claimant, ...claim }
  const until = performance.now() + waitMs
  for (;;) {
    const decision = await transaction(async ({ binds }): Promise<BindDecision> => {
      const now = await binds.lock()
      const withheld = withholdBind(await binds.ofAccount(bind, now), bind, now)
      return withheld ?? { permitted: true, id: await binds.begin(bind, now) }
    })
    if (decision.permitted && signal.aborted) {
      await stores.binds.settle({ id: decision.id, ...claimant }, { outcome: 'unsent' })
      // A service that closes still has its client, which must not bind with what was given back.
      throw new NotReadyError('the service closes: no bind is permitted')
    }
    const isFinal = decision.permitted || !decision.isRunning
    if (isFinal || performance.now() + pollEveryMs > until || signal.aborted) return decision
    await pause(pollEveryMs, signal)
  }
}

/** Binds of a worker, which has the database. */
export const bindsOfBatch = (parts: BindParts, claimant: Claimant): Binds => ({
  salt: parts.stores.binds.salt(),
  claim: (claim) => claimBind(parts, claimant, claim),
  async settle(id, result) {
    await parts.stores.binds.settle({ id, ...claimant }, result)
  },
})
