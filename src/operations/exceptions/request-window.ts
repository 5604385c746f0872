import { v7 as newUuid } from 'uuid'
import { RefusedError } from '../../domain/errors.ts'
import { checkWindow } from '../../domain/exceptions/windows.ts'
import type { PolicyRule } from '../../domain/policy/policy.ts'
import type { NewWindow } from '../../store/exceptions/windows.ts'
import { checkSelection } from '../audits/select-targets.ts'
import type { Requester, View } from '../context.ts'
import { claimOnce } from '../idempotency.ts'

export type WindowRequest = Omit<NewWindow, 'id' | 'requestedBy'>

/** Why a window cannot be for a rule. */
export const knowsWindows = (rule: PolicyRule): string | undefined =>
  rule.insideWindow ? undefined : `rule ${rule.id} has no expectation inside a window: add \`insideWindow\``

/** Requests a window; it opens when another key has approved it. Returns its id; throws RefusedError with every issue. */
export async function requestWindow(
  { transaction }: Pick<View, 'transaction'>,
  request: WindowRequest,
  { actor, idempotencyKey, now }: Requester & { now: Date },
): Promise<string> {
  return transaction(async (tx) => {
    const id = newUuid()
    const claimed = await claimOnce(tx, { actor, idempotencyKey }, { request, resource: id })
    if (claimed !== id) return claimed
    const window = { ...request, id, requestedBy: actor }
    const issues = checkWindow(window, now)
    if (issues.length > 0) throw new RefusedError(issues)
    const targetIds = await checkSelection(tx, window, knowsWindows)
    const overlap = await tx.windows.findOverlap(window, targetIds)
    if (overlap !== undefined) {
      const message = `overlaps window ${overlap}, which covers one of these rules and targets at the same time`
      throw new RefusedError([{ pointer: '/from', message }])
    }
    await tx.windows.create(window)
    tx.ledger.record({ actor, action: 'window.request', subject: id, payload: request })
    return id
  })
}
