import type { AddressResult, Observation } from '../../../src/domain/findings/observation.ts'
import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import type { State } from '../../../src/domain/findings/state.ts'
import type { ResolvedExpectation, ResolvedRule } from '../../../src/domain/policy/policy.ts'
import {
  type FactsByProtocol,
  type ProtocolName,
  protocolNames,
  protocols,
} from '../../../src/domain/protocols/index.ts'
import type { TlsFacts } from '../../../src/domain/protocols/tls.ts'

/** When everything here was observed. */
export const now = '2026-01-01T12:00:00.000Z'

export interface Seen {
  state: State
  reason: ReasonCode
  facts?: FactsByProtocol[keyof FactsByProtocol]
  hostAnswered?: boolean
}

/** A rule for one target that expects this. */
export const ruleThat = (expect: ResolvedExpectation): ResolvedRule => ({
  id: 'a-rule',
  title: 'A rule',
  severity: 'high',
  direction: 'inbound',
  from: ['client'],
  probe: probeFor(expect),
  port: 443,
  expect,
})

/** The first probe that takes all groups of the expectation. */
function probeFor({ state: _, hostAnswered: __, ...demands }: ResolvedExpectation): ProtocolName {
  const groups = Object.entries(demands).flatMap(([group, demand]) => (demand === undefined ? [] : group))
  const probe = protocolNames.find((name) => groups.every((group) => group in protocols[name].expects))
  if (!probe) throw new Error(`no probe takes ${groups}`)
  return probe
}

/** What a probe saw of a host: one address for each of the given addressResults. */
export function observation(...seen: Seen[]): Observation {
  const addressResults = seen.map(({ state, reason, facts = {}, hostAnswered }, index): AddressResult => {
    const address = state === 'unresolved' ? null : `10.0.0.${index + 1}`
    return { address, state, reason, facts, hostAnswered, latencyMs: 1.5, attempts: 1 }
  })
  return {
    probe: 'tcp',
    host: 'epp.corp.test',
    port: 443,
    observedAt: now,
    addressResults: addressResults as Observation['addressResults'],
  }
}

type Certificate = NonNullable<TlsFacts['certificate']>

/** A certificate that is valid all through 2026. */
export const certificate = (change: Partial<Certificate> = {}): Certificate => ({
  subject: 'CN=epp.corp.test',
  issuer: 'CN=Corp CA',
  sans: ['DNS:epp.corp.test'],
  notBefore: '2025-12-01T00:00:00Z',
  notAfter: '2026-12-31T00:00:00Z',
  serialNumber: '01',
  sha256: 'ab',
  publicKey: { type: 'ec', bits: 256, sha256: 'cd' },
  selfSigned: false,
  ...change,
})
