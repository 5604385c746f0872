import { RefusedError, StaleError } from '../../domain/errors.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { PolicyOrigin, StoredPolicyVersion } from '../../store/inventory/policies.ts'
import type { Revision, View } from '../context.ts'

/**
 * Adds a version of a policy, unless the newest version has the same content and text. Throws RefusedError for a reserved name, StaleError
 * where the newest version is not the expected one.
 */
export async function putPolicy(
  { transaction }: Pick<View, 'transaction'>,
  document: PolicyDocument,
  { actor, isExpected }: Pick<Revision, 'actor' | 'isExpected'>,
  origin: Omit<PolicyOrigin, 'author'> = {},
): Promise<{ stored: StoredPolicyVersion; created: boolean }> {
  if (document.name === 'schema')
    throw new RefusedError([{ pointer: '/name', message: 'is reserved: /v1/policies/schema is the JSON Schema' }])
  return transaction(async (tx) => {
    await tx.policies.lock(document.name)
    if (!isExpected(await tx.policies.find(document.name))) throw new StaleError()
    const put = await tx.policies.put(document, { ...origin, author: actor })
    if (put.created) recordPolicy(tx, actor, put.stored)
    return put
  })
}

/** Adds a policy where no version has the same content, so that the newer version of an operator stays the newest. */
export const ensurePolicy = (
  { transaction }: Pick<View, 'transaction'>,
  document: PolicyDocument,
  actor: string,
  source?: string,
): Promise<void> =>
  transaction(async (tx) => {
    const added = await tx.policies.ensure(document, { source, author: actor })
    if (added) recordPolicy(tx, actor, added)
  })

function recordPolicy(tx: Stores, actor: string, { name, version, digest }: StoredPolicyVersion): void {
  const objects = [`${name}@${version}`]
  tx.ledger.record({ actor, action: 'policy.put', subject: name, payload: { version, digest }, objects })
}
