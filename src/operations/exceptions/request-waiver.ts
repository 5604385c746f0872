import { v7 as newUuid } from 'uuid'
import { NotFoundError, RefusedError } from '../../domain/errors.ts'
import { checkExpiry } from '../../domain/exceptions/waivers.ts'
import type { NewWaiver, StoredWaiver } from '../../store/exceptions/waivers.ts'
import { checkSelection } from '../audits/select-targets.ts'
import type { Requester, View } from '../context.ts'
import { claimOnce } from '../idempotency.ts'

export type WaiverRequest = Omit<NewWaiver, 'id' | 'requestedBy'>

/** Requests a waiver; another key must approve it. Throws RefusedError with every issue. */
export async function requestWaiver(
  { transaction }: Pick<View, 'transaction'>,
  request: WaiverRequest,
  { actor, idempotencyKey, now }: Requester & { now: Date },
): Promise<StoredWaiver> {
  return transaction(async (tx) => {
    const id = newUuid()
    const claimed = await claimOnce(tx, { actor, idempotencyKey }, { request, resource: id })
    if (claimed !== id) {
      const earlier = await tx.waivers.find(claimed)
      if (!earlier) throw new NotFoundError('the waiver of this Idempotency-Key is gone')
      return earlier
    }
    const issues = checkExpiry(request.expiresAt, now)
    if (issues.length > 0) throw new RefusedError(issues)
    await checkSelection(tx, request)
    tx.ledger.record({ actor, action: 'waiver.request', subject: id, payload: request })
    return tx.waivers.create({ ...request, id, requestedBy: actor })
  })
}
