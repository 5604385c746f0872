import type { Observation } from '../../domain/findings/observation.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import { optionsOf } from '../../domain/policy/probe-options.ts'
import type { Check } from '../../probes/engine/check.ts'
import type { Observe } from '../../probes/engine/run-check.ts'
import { shareHandshakes } from './share-handshakes.ts'

/** The check that a vantage runs for a rule. */
export const checkOf = (rule: ResolvedRule, host: string): Check => ({
  probe: rule.probe,
  host,
  port: rule.port,
  families: rule.families,
  options: optionsOf(rule),
  companions: rule.companions,
})

const credentialIn = (options: Check['options']): string | undefined =>
  'credentialRef' in options ? options.credentialRef : undefined

/** Equal for checks that one probe can serve. */
export const checkKey = ({ probe, host, port, families, options }: Check): string =>
  JSON.stringify([probe, host, port, families, options])

/**
 * Runs equal checks of a batch once: a hundred servers with one domain controller cause one probe of it. Checks about TLS
 * share connections. Checks with the same credential run one after the other, since one bind of an account runs at a time.
 */
export function createCheckRunner(observe: Observe, checks: readonly Check[]): (check: Check) => Promise<Observation> {
  const observations = new Map<string, Promise<Observation>>()
  const observeShared = shareHandshakes(observe, checks)
  const last = new Map<string, Promise<unknown>>()

  const observeOnce = (check: Check): Promise<Observation> => {
    const ref = credentialIn(check.options)
    if (ref === undefined) return observeShared(check)
    const next = (last.get(ref) ?? Promise.resolve()).then(() => observe(check))
    last.set(ref, next)
    return next
  }

  return (check) => {
    const key = checkKey(check)
    const observation = observations.get(key) ?? observeOnce(check)
    observations.set(key, observation)
    return observation
  }
}

/** The reference of the credential that the probe of a rule sends, inside a window or outside. */
export const credentialOf = (rule: ResolvedRule): string | undefined => credentialIn(optionsOf(rule))
