import { resolveParameters, resolveRule } from './parameters.ts'
import type { PolicyDocument, ResolvedExpectation, ResolvedRule } from './policy.ts'

/** What a rule demands of one target: the endpoint, and what must hold there. */
export interface Expected {
  host: string
  port: number
  /** Of a rule for a set. */
  ports?: readonly string[]
  expect: ResolvedExpectation
}

/** The target, and the parameters of the audit. */
export interface ExpectedOf {
  address: string
  params: Readonly<Record<string, unknown>>
  auditParams: Readonly<Record<string, unknown>>
  windowOpen: boolean
}

/**
 * Resolves what a rule demands of a target; null where it does not apply, is unknown, or the parameters do not fit.
 * References to credentials are left out, because nothing is compared with them.
 */
export function createExpectations(document: PolicyDocument) {
  const ruleFor = createRules(document)
  return (ruleId: string, { address, params, auditParams, windowOpen }: ExpectedOf): Expected | null => {
    const resolved = ruleFor(ruleId, { params, auditParams })
    if (!resolved) return null
    const expect = (windowOpen && resolved.insideWindow?.expect) || resolved.expect
    return {
      host: resolved.host ?? address,
      port: resolved.port,
      ...(resolved.ports && { ports: resolved.ports.map(String) }),
      expect: withoutCredentials(expect),
    }
  }
}

/** Resolves rules of a policy for targets; undefined where one does not apply, is unknown, or the parameters do not fit. */
export function createRules(document: PolicyDocument) {
  const values = new Map<string, ReturnType<typeof resolveParameters>>()
  return (
    ruleId: string,
    { params, auditParams }: Pick<ExpectedOf, 'params' | 'auditParams'>,
  ): ResolvedRule | undefined => {
    const rule = document.rules.find(({ id }) => id === ruleId)
    const key = JSON.stringify([params, auditParams])
    const parameters = values.get(key) ?? resolveParameters(document, { audit: auditParams, target: params })
    values.set(key, parameters)
    if (!rule || 'errors' in parameters) return undefined
    const resolved = resolveRule(rule, parameters.values)
    return resolved === 'notapplicable' ? undefined : resolved
  }
}

const withoutCredentials = (expect: ResolvedExpectation): ResolvedExpectation =>
  JSON.parse(JSON.stringify(expect, (key, value) => (key === 'credentialRef' ? undefined : value)))
