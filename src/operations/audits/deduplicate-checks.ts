import type { Observation } from '../../domain/findings/observation.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import { optionsOf } from '../../probes/engine/options.ts'
import type { AccountUse, Check, Observe } from '../../probes/engine/run-check.ts'

/** What a rule asks a vantage to look at. */
export const checkOf = (rule: ResolvedRule, host: string): Check => ({
  probe: rule.probe,
  host,
  port: rule.port,
  options: optionsOf(rule),
})

const credentialIn = (options: Check['options']): string | undefined =>
  'credentialRef' in options ? options.credentialRef : undefined

/** The same for checks that one look answers. */
export const checkKey = ({ probe, host, port, options }: Check): string => JSON.stringify([probe, host, port, options])

/**
 * Looks once at what several checks of a batch ask for: a hundred servers with one domain controller make one look at it.
 * Looks that send the same credential come one after the other, and none follows a refusal.
 */
export function createCheckRunner(observe: Observe): (check: Check) => Promise<Observation> {
  const looks = new Map<string, Promise<Observation>>()
  const accounts = new Map<string, { use: AccountUse; last: Promise<unknown> }>()

  const observeOnce = (check: Check): Promise<Observation> => {
    const ref = credentialIn(check.options)
    if (ref === undefined) return observe(check)
    const account = accounts.get(ref) ?? { use: { refused: false }, last: Promise.resolve() }
    const next = account.last.then(() => observe(check, account.use))
    accounts.set(ref, { ...account, last: next })
    return next
  }

  return (check) => {
    const key = checkKey(check)
    const look = looks.get(key) ?? observeOnce(check)
    looks.set(key, look)
    return look
  }
}

/** The reference of the credential that the probe of a rule sends, inside a window or outside. */
export const credentialOf = (rule: ResolvedRule): string | undefined => credentialIn(optionsOf(rule))
