import { v7 as newUuid } from 'uuid'
import { ConflictError, RefusedError } from '../../domain/errors.ts'
import type { Baseline } from '../../store/history/baselines.ts'
import type { Requester, View } from '../context.ts'
import { claimOnce, goneSince } from '../idempotency.ts'
import { findBaseline } from './baseline.ts'

interface BaselineRequest {
  name: string
  /** Id of the audit whose findings are approved. */
  audit: string
  reason: string
}

/** Approves what an audit found, under a new name. Throws RefusedError, and ConflictError where the name is taken. */
export async function createBaseline(
  { stores, transaction }: View,
  request: BaselineRequest,
  requester: Requester,
): Promise<Baseline> {
  const { name, reason } = request
  const { actor } = requester
  const audit = await stores.audits.find(request.audit)
  if (!audit) throw refused(`there is no audit ${request.audit}`)
  if (audit.status !== 'completed') throw refused(`the audit is ${audit.status}: only a completed one can be approved`)
  await transaction(async (tx) => {
    const resource = newUuid()
    if ((await claimOnce(tx, requester, { request, resource })) !== resource) {
      if (!(await tx.baselines.find(name))) throw goneSince(`the baseline ${name}`)
      return
    }
    const outcome = await tx.baselines.approveAudit(name, request.audit, { approvedBy: actor, reason })
    if (outcome === 'taken') throw new ConflictError(`there is a baseline ${name} already`)
    if (outcome === 'empty') throw refused('the findings of the audit are not kept any more')
    tx.ledger.record({ actor, action: 'baseline.create', subject: name, payload: request })
  })
  return findBaseline(stores, name)
}

const refused = (message: string) => new RefusedError([{ pointer: '/audit', message }])
