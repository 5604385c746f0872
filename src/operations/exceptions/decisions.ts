import { ConflictError, ForbiddenError } from '../../domain/errors.ts'
import type { Stores } from '../../store/db/stores.ts'

/** What a person decides about a request, and who that is. */
export interface Decision {
  id: string
  actor: string
  now: Date
  reason?: string | undefined
}

type Kind = 'window' | 'waiver'
interface Request {
  policy: string
  requestedBy: string
}

/**
 * Returns why the actor must not decide a request, or null: its requester may not, nor another key of the same person. The policy can
 * allow it for windows.
 */
export async function createOwnRequestCheck(
  { actors, policies }: Pick<Stores, 'actors' | 'policies'>,
  { kind, actor, requests }: { kind: Kind; actor: string; requests: readonly Request[] },
): Promise<(request: Request) => string | null> {
  const persons = await actors.persons([actor, ...requests.map(({ requestedBy }) => requestedBy)])
  const isOwn = ({ requestedBy }: Request) => persons.get(requestedBy) === persons.get(actor)
  const names = kind === 'window' ? new Set(requests.filter(isOwn).map(({ policy }) => policy)) : []
  const trusting = new Set<string>()
  for (const name of names) if ((await policies.find(name))?.document.windows?.selfApproval === true) trusting.add(name)
  return (request) => {
    if (!isOwn(request) || trusting.has(request.policy)) return null
    return request.requestedBy === actor
      ? `the requester of a ${kind} cannot decide it: another person must, with another key`
      : `a key of the same person requested the ${kind}: another person must decide it`
  }
}

/** Throws ForbiddenError where the actor must not decide, and ConflictError where nothing is to be decided any more. */
export async function checkDecision(
  tx: Stores,
  { actor }: Decision,
  { kind, state, request }: { kind: Kind; state: string; request: Request },
): Promise<void> {
  const refusal = (await createOwnRequestCheck(tx, { kind, actor, requests: [request] }))(request)
  if (refusal !== null) throw new ForbiddenError(refusal)
  if (state !== 'requested')
    throw new ConflictError(`the ${kind} is ${state}: only a requested one can be approved or rejected`)
}

/** Records a decision with the name of who decided. */
export async function recordDecision(
  tx: Stores,
  action: 'window.approve' | 'window.reject' | 'waiver.approve' | 'waiver.reject',
  { id, actor, reason }: Decision,
): Promise<void> {
  const name = (await tx.actors.names([actor])).get(actor)
  tx.ledger.record({ actor, action, subject: id, payload: { name, reason } })
}
