import { ForbiddenError } from '../../domain/errors.ts'
import type { Caller } from '../../store/access/keys.ts'
import type { Session } from '../../store/access/sessions.ts'
import type { View } from '../context.ts'

/** How long sessions last. */
export interface SessionTimes {
  /** Without use. */
  idleMs: number
  /** In all. */
  maxMs: number
}

export interface SignIn {
  caller: Caller
  /** Of the person; undefined: the name of the key. */
  name?: string | undefined
  /** When the person has proven who it is; null: not known. */
  signedInAt: Date | null
  /** The id of the session of the browser until now, which ends. */
  replaces?: string | undefined
}

/** Signs a person in and returns the secret of the new session. Throws ForbiddenError for the key of an agent. */
export async function startSession(
  { transaction, now }: Pick<View, 'transaction' | 'now'>,
  { caller, signedInAt, replaces, ...signIn }: SignIn,
  { idleMs, maxMs }: SessionTimes,
): Promise<{ session: Session; secret: string }> {
  if (caller.scopes.some((scope) => scope.startsWith('vantage:')))
    throw new ForbiddenError('the key of an agent opens no session: use the key of a person')
  return transaction(async (tx) => {
    const key = await tx.keys.find(caller.keyId)
    const name = signIn.name ?? key?.name ?? caller.keyId
    const createdAt = now()
    const latest = createdAt.getTime() + maxMs
    const endsAt = new Date(Math.min(latest, key?.expiresAt ? Date.parse(key.expiresAt) : latest))
    if (replaces) await tx.sessions.end(replaces)
    const scopes = key ? [] : caller.scopes
    const made = await tx.sessions.create({ caller: caller.keyId, name, scopes, createdAt, signedInAt, endsAt, idleMs })
    const { id } = made.session
    const payload = { name, scopes: caller.scopes, signedInAt: signedInAt?.toISOString() ?? null }
    tx.ledger.record({ actor: caller.keyId, action: 'session.start', subject: id, payload })
    return made
  })
}
