import { RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTarget } from '../../store/inventory/targets.ts'
import type { Selection } from '../../store/query/selection.ts'
import { type AuditRequest, checkFound, checkRequest } from './resolve-request.ts'

/** Rules and targets of a policy. */
interface RuleSelection {
  policy: string
  rules: readonly string[]
  targets: Selection
  params?: AuditRequest['params']
}

/**
 * Checks that a policy has these rules, and that there are such targets now; `fits` returns another issue of a rule.
 * Throws RefusedError with every issue; returns the ids of the targets.
 */
export async function checkSelection(
  stores: Stores,
  { policy, rules, targets, params }: RuleSelection,
  fits: (rule: PolicyDocument['rules'][number]) => string | undefined = () => undefined,
): Promise<number[]> {
  const stored = await stores.policies.find(policy)
  if (!stored) throw new RefusedError([{ pointer: '/policy', message: `there is no policy ${policy}` }])
  const issues = rules.flatMap((id, i): ValidationIssue[] => {
    const rule = stored.document.rules.find((one) => one.id === id)
    const message = rule ? fits(rule) : `policy ${policy} has no rule ${id}`
    return message === undefined ? [] : [{ pointer: `/rules/${i}`, message }]
  })
  if (issues.length > 0) throw new RefusedError(issues)
  const found =
    params === undefined
      ? await findTargets(stores, targets)
      : (await checkRequest(stores, { policy, targets, params })).targets
  return found.map(({ id }) => id)
}

/** The live targets of a selection; throws RefusedError where a reference stands for none or several, or labels find none. */
export async function findTargets(stores: Stores, selection: Selection): Promise<StoredTarget[]> {
  const found = await stores.targets.select(selection)
  checkFound(selection, found)
  return found
}
