import { v7 as newUuid } from 'uuid'
import { ConflictError } from '../../domain/errors.ts'
import type { StoredTarget, TargetInput } from '../../store/inventory/targets.ts'
import type { Requester, View } from '../context.ts'
import { claimOnce, goneSince } from '../idempotency.ts'
import { checkAddress, recordTarget } from './target.ts'

/** Creates a target; a retired one comes back with its history. Throws ConflictError where a live target has the name. */
export async function createTarget(
  { transaction }: Pick<View, 'transaction'>,
  input: TargetInput,
  requester: Requester,
): Promise<StoredTarget> {
  checkAddress(input.address)
  return transaction(async (tx) => {
    const resource = newUuid()
    const isRepeated = (await claimOnce(tx, requester, { request: input, resource })) !== resource
    const target = isRepeated ? await tx.targets.find(input.name) : await tx.targets.create(input)
    if (!target && isRepeated) throw goneSince(`the target ${input.name}`)
    // Thrown inside, so that a request that creates nothing does not use up its Idempotency-Key.
    if (!target) throw new ConflictError(`there is a target ${input.name} already: PUT replaces it`)
    if (!isRepeated) recordTarget(tx, requester.actor, 'target.create', target)
    return target
  })
}
