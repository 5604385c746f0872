import { limitableScopes } from '../../domain/access/scopes.ts'
import { RefusedError } from '../../domain/errors.ts'
import { type Key, newKeyId } from '../../store/access/keys.ts'
import type { Stores } from '../../store/db/stores.ts'
import { isEverything, type TargetScope } from '../../store/query/target-scope.ts'
import type { Requester, View } from '../context.ts'
import { claimOnce } from '../idempotency.ts'

export interface KeyRequest {
  name: string
  scopes: string[]
  /** Labels of the usable targets; none: all targets. */
  targetScope: TargetScope
  expiresAt: Date | null
}

/** A new key; `key` is null where an Idempotency-Key returns a key that was created before. */
export type NewKey = Key & { key: string | null }

/** Creates a key; its secret cannot be read again. */
export async function createKey(
  { transaction }: Pick<View, 'transaction'>,
  request: KeyRequest,
  requester: Requester,
): Promise<NewKey> {
  const { name, scopes, targetScope, expiresAt } = request
  if (expiresAt && expiresAt <= new Date())
    throw new RefusedError([{ pointer: '/expiresAt', message: 'must be in the future' }])
  if (!isEverything(targetScope)) checkLimitable(scopes)
  return transaction(async (tx) => {
    const id = newKeyId()
    const claimed = { request: { operation: 'createKey', ...request }, resource: id }
    const resource = await claimOnce(tx, requester, claimed)
    const key = resource === id ? await tx.keys.create(name, scopes, { id, expiresAt, targetScope }) : null
    const stored = await tx.keys.find(resource)
    if (!stored) throw new RefusedError([{ pointer: '', message: 'this Idempotency-Key created no key' }])
    if (key) recordKey(tx, requester.actor, stored)
    return { ...stored, key }
  })
}

/** Creates an admin key and returns its secret. */
export const createAdminKey = ({ transaction }: Pick<View, 'transaction'>, name: string): Promise<string> =>
  transaction(async (tx) => {
    const id = newKeyId()
    const secret = await tx.keys.create(name, ['admin'], { id })
    tx.ledger.record({ actor: 'system', action: 'key.create', subject: id, payload: { name, scopes: ['admin'] } })
    return secret
  })

function recordKey(tx: Stores, actor: string, { targetScope, ...key }: Key): void {
  const targets = isEverything(targetScope) ? null : { labels: { ...targetScope } }
  tx.ledger.record({ actor, action: 'key.create', subject: key.id, payload: { ...key, targets } })
}

function checkLimitable(scopes: readonly string[]): void {
  const issues = scopes.flatMap((scope, i) =>
    limitableScopes.includes(scope)
      ? []
      : [{ pointer: `/scopes/${i}`, message: `a key with the scope ${scope} cannot be limited to targets` }],
  )
  if (issues.length > 0) throw new RefusedError(issues)
}
