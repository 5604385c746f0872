import { type Judgement, judge } from '../../src/domain/findings/judge.ts'
import { resolveParameters, resolveRule } from '../../src/domain/policy/parameters.ts'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { builtInPolicies } from '../../src/policies/built-in.ts'
import { now, observation, type Seen } from '../domain/findings/rules.ts'

const [policy] = builtInPolicies() as [PolicyDocument]

export interface Circumstances {
  params?: Record<string, unknown>
  windowOpen?: boolean
  observedAt?: string
}

/** A rule of the built-in policy for one target with these parameters, judged on one address that was seen so. */
export function judgeBuiltIn(
  id: string,
  seen: Seen,
  { params = {}, windowOpen = false, observedAt = now }: Circumstances = {},
): Pick<Judgement, 'result'> & Partial<Judgement> {
  const parameters = resolveParameters(policy, { target: params })
  if ('errors' in parameters) throw new Error(parameters.errors.map(({ message }) => message).join())
  const rule = policy.rules.find((candidate) => candidate.id === id)
  if (!rule) throw new Error(`there is no rule ${id}`)
  const resolved = resolveRule(rule, parameters.values)
  if (resolved === 'notapplicable') return { result: resolved }
  return judge(resolved, { ...observation(seen), observedAt }, { windowOpen })
}
