import { RefusedError } from '../domain/errors.ts'
import { digestSteps } from '../encoding/canonical-json.ts'
import { runPaced } from '../runtime/pace.ts'
import type { Stores } from '../store/db/stores.ts'
import type { Requester } from './context.ts'

/**
 * Claims the Idempotency-Key of a request in the transaction that creates its resource. Returns the id that the key stands for:
 * `resource`, or the one that the same request created before. Throws RefusedError where another request used the key.
 */
export async function claimOnce(
  tx: Stores,
  { actor, idempotencyKey: key }: Requester,
  { request, resource }: { request: object; resource: string },
): Promise<string> {
  if (key === undefined) return resource
  const bodyDigest = await runPaced(digestSteps(request))
  const earlier = await tx.idempotency.claim({ apiKeyId: actor, key, bodyDigest, resource })
  if (earlier && earlier.bodyDigest !== bodyDigest) {
    throw new RefusedError([
      { pointer: '', message: 'this Idempotency-Key was used with another request: each request needs its own' },
    ])
  }
  return earlier?.resource ?? resource
}

/** For a repeated request whose resource was deleted: it creates nothing again. */
export const goneSince = (what: string): RefusedError =>
  new RefusedError([
    {
      pointer: '',
      message: `this Idempotency-Key created ${what}, which was deleted since: to create it again, use another key`,
    },
  ])
