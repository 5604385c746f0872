import type { Observation } from '../domain/observation.ts'
import type { ResolvedRule } from '../domain/policy.ts'
import type { AccountUse, Observe } from '../probes/observe.ts'
import { optionsOf } from '../probes/options.ts'

/**
 * Looks once at what several checks of a batch ask for: a hundred servers with one domain controller make one look at it.
 * Looks that send the same credential come one after the other, and none follows a refusal.
 */
export function createSharedLook(observe: Observe): (rule: ResolvedRule, host: string) => Promise<Observation> {
  const looks = new Map<string, Promise<Observation>>()
  const accounts = new Map<string, { use: AccountUse; last: Promise<unknown> }>()

  const lookOnce = (rule: ResolvedRule, host: string): Promise<Observation> => {
    const check = { probe: rule.probe, host, port: rule.port, options: optionsOf(rule) }
    const ref = credentialOf(rule)
    if (ref === undefined) return observe(check)
    const account = accounts.get(ref) ?? { use: { refused: false }, last: Promise.resolve() }
    const next = account.last.then(() => observe(check, account.use))
    accounts.set(ref, { ...account, last: next })
    return next
  }

  return (rule, host) => {
    const key = JSON.stringify([rule.probe, host, rule.port, optionsOf(rule)])
    const look = looks.get(key) ?? lookOnce(rule, host)
    looks.set(key, look)
    return look
  }
}

/** The reference of the credential that a rule has sent, inside a window or outside. */
export const credentialOf = (rule: ResolvedRule): string | undefined =>
  rule.expect.ldap?.bind?.credentialRef ?? rule.insideWindow?.expect.ldap?.bind?.credentialRef
