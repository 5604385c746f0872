import type { ProbeName } from '../../domain/findings/observation.ts'
import type { ResolvedExpectation, ResolvedRule } from '../../domain/policy/policy.ts'
import type { ProbeOptions } from './probe.ts'

const from: { [P in ProbeName]: (expect: ResolvedExpectation) => ProbeOptions[P] } = {
  tcp: () => ({}),
  tls: ({ tls }) => ({ trustedCa: tls?.trustedCa, offerVersions: tls?.refuses }),
  https: ({ tls, http }) => ({
    trustedCa: tls?.trustedCa,
    offerVersions: tls?.refuses,
    plainHttp: http?.plainServed === false,
  }),
  ssh: () => ({}),
  ldap: ({ ldap }) => ({
    trustedCa: ldap?.trustedCa,
    security: ldap?.security,
    plainBind: ldap?.plainBind === 'refused',
    credentialRef: ldap?.bind?.credentialRef,
  }),
}

/** What a probe must look at beyond the least, so that the rule can be judged on what it saw, inside a window and outside. */
export const optionsOf = ({ probe, expect, insideWindow }: ResolvedRule): ProbeOptions[ProbeName] =>
  from[probe](insideWindow ? both(expect, insideWindow.expect) : expect)

/** Asks for what either expectation asks for; where they contradict each other, the one outside a window decides. */
function both(outside: ResolvedExpectation, inside: ResolvedExpectation): ResolvedExpectation {
  const refuses = [...new Set([...(outside.tls?.refuses ?? []), ...(inside.tls?.refuses ?? [])])]
  return {
    tls: { ...inside.tls, ...outside.tls, refuses },
    http: { ...inside.http, ...outside.http },
    ssh: { ...inside.ssh, ...outside.ssh },
    ldap: { ...inside.ldap, ...outside.ldap },
  }
}
