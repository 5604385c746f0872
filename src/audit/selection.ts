import { type Mistake, RefusedError } from '../domain/errors.ts'
import type { PolicyDocument } from '../domain/policy.ts'
import type { Stores } from '../store/stores.ts'
import type { AuditRequest } from './accept.ts'
import { checkRequest } from './check-request.ts'

/** For which rules and targets of a policy something is asked. */
export interface RuleSelection {
  policy: string
  rules: readonly string[]
  targets: string[] | { labels: Record<string, string> }
  params?: AuditRequest['params']
}

/**
 * Checks that a policy has these rules, and that there are such targets now; `fits` says what else is wrong with a rule.
 * Throws RefusedError with every mistake; answers the newest version of the policy, and the targets.
 */
export async function checkSelection(
  stores: Stores,
  { policy, rules, targets, params }: RuleSelection,
  fits: (rule: PolicyDocument['rules'][number]) => string | undefined = () => undefined,
): Promise<{ document: PolicyDocument; targetIds: number[] }> {
  const stored = await stores.policies.find(policy)
  if (!stored) throw new RefusedError([{ pointer: '/policy', message: `there is no policy ${policy}` }])
  const mistakes = rules.flatMap((id, i): Mistake[] => {
    const rule = stored.document.rules.find((one) => one.id === id)
    const message = rule ? fits(rule) : `policy ${policy} has no rule ${id}`
    return message === undefined ? [] : [{ pointer: `/rules/${i}`, message }]
  })
  if (mistakes.length > 0) throw new RefusedError(mistakes)
  if (params === undefined) return { document: stored.document, targetIds: await findTargets(stores, targets) }
  const asked = await checkRequest(stores, { policy, targets, params })
  return { document: stored.document, targetIds: asked.targets.map(({ id }) => id) }
}

async function findTargets(stores: Stores, targets: RuleSelection['targets']): Promise<number[]> {
  if (!Array.isArray(targets)) {
    const found = await stores.targets.findByLabels(targets.labels)
    if (found.length === 0)
      throw new RefusedError([{ pointer: '/targets/labels', message: 'no target has these labels' }])
    return found.map(({ id }) => id)
  }
  const found = new Map((await stores.targets.findByNames(targets)).map(({ name, id }) => [name, id]))
  const missing = targets.flatMap((name, i) =>
    found.has(name) ? [] : [{ pointer: `/targets/${i}`, message: `there is no target ${name}` }],
  )
  if (missing.length > 0) throw new RefusedError(missing)
  return [...found.values()]
}
