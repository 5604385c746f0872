import { RefusedError, StaleError } from '../../domain/errors.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredPolicyVersion } from '../../store/inventory/policies.ts'
import type { Revision, View } from '../context.ts'

/**
 * Adds a version of a policy, unless the newest version has the same content. Throws RefusedError for a reserved name, StaleError where
 * the policy must be new and is not.
 */
export async function putPolicy(
  { transaction }: Pick<View, 'transaction'>,
  document: PolicyDocument,
  { actor, mustBeNew }: Pick<Revision, 'actor' | 'mustBeNew'>,
): Promise<{ stored: StoredPolicyVersion; created: boolean }> {
  if (document.name === 'schema')
    throw new RefusedError([{ pointer: '/name', message: 'is reserved: /v1/policies/schema is the JSON Schema' }])
  return transaction(async (tx) => {
    const put = await tx.policies.put(document)
    if (mustBeNew && !(put.created && put.stored.version === 1)) throw new StaleError()
    if (put.created) recordPolicy(tx, actor, put.stored)
    return put
  })
}

/** Adds a policy where no version has the same content, so that the newer version of an operator stays the newest. */
export const ensurePolicy = (
  { transaction }: Pick<View, 'transaction'>,
  document: PolicyDocument,
  actor: string,
): Promise<void> =>
  transaction(async (tx) => {
    const added = await tx.policies.ensure(document)
    if (added) recordPolicy(tx, actor, added)
  })

function recordPolicy(tx: Stores, actor: string, { name, version, digest }: StoredPolicyVersion): void {
  const objects = [`${name}@${version}`]
  tx.ledger.record({ actor, action: 'policy.put', subject: name, payload: { version, digest }, objects })
}
