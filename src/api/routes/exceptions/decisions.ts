import { allows } from '../../../domain/access/scopes.ts'
import { createOwnRequestCheck } from '../../../operations/exceptions/decisions.ts'
import type { Caller } from '../../../store/access/keys.ts'
import type { Stores } from '../../../store/db/stores.ts'

interface Shown {
  state: string
  policy: string
  requestedBy: string
}

/** Adds to each window or waiver why the caller cannot decide it; null: the caller can. */
export async function withDecisionRefusals<T extends Shown>(
  stores: Stores,
  { keyId, scopes }: Caller,
  { kind, items }: { kind: 'window' | 'waiver'; items: readonly T[] },
): Promise<(T & { decisionRefusal: string | null })[]> {
  const requests = items.filter(({ state }) => state === 'requested')
  const whyOwn = await createOwnRequestCheck(stores, { kind, actor: keyId, requests })
  const need = `${kind}s:approve` as const
  const refusalOf = (item: Shown) => {
    if (item.state !== 'requested') return `the ${kind} is ${item.state}`
    return allows(scopes, need) ? whyOwn(item) : `the key needs the scope ${need}`
  }
  return items.map((item) => ({ ...item, decisionRefusal: refusalOf(item) }))
}

/** Separates a rejection from another end of a window or waiver: [who and when rejected it, who and when ended it]. */
export function splitEnd(end: { rejected: boolean; by: string | null; at: Date | null }) {
  const shown = { by: end.by, at: end.at?.toISOString() ?? null }
  const none = { by: null, at: null }
  return end.rejected ? ([shown, none] as const) : ([none, shown] as const)
}
