import { type Static, Type } from 'typebox'
import type { ValidationIssue } from '../errors.ts'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, list, optional } from '../policy/values.ts'
import { type Demand, defineProtocol, type ExpectationGroup, type Seen } from './protocol.ts'
import { awaitsTls, TlsFacts, tlsGroup, tlsOptions, tlsOptionsFor, tlsSignificance } from './tls.ts'

/** [MS-RDPBCGR] section 2.2.1.1.1: standard RDP security, TLS, CredSSP (NLA), NLA with early user authorization, RDSTLS. */
export const rdpSecurities = ['standard', 'tls', 'nla', 'nla-early-auth', 'rdstls'] as const
export type RdpSecurity = (typeof rdpSecurities)[number]

const Security = Type.Enum([...rdpSecurities])
const offered = Type.Optional(Type.Enum(['accepted', 'refused', 'not-tested']))

/** Those of TLS are of the session after the negotiation. */
const RdpFacts = closedObject({
  ...TlsFacts.properties,
  rdp: Type.Optional(
    closedObject({
      selected: Type.Optional(
        Type.Enum([...rdpSecurities], { description: 'What the peer selects of all that it is offered' }),
      ),
      refusedWith: Type.Optional(
        Type.Integer({ description: 'The failure code of a refusal, [MS-RDPBCGR] section 2.2.1.2.2' }),
      ),
      securities: Type.Optional(
        closedObject(
          { standard: offered, tls: offered, nla: offered, 'nla-early-auth': offered, rdstls: offered },
          { description: 'Security protocols that the rule had offered, each in a connection of its own' },
        ),
      ),
    }),
  ),
})
export type RdpFacts = Static<typeof RdpFacts>

const reasons = {
  'rdp-tls-ok': { about: 'peer', message: 'The peer speaks RDP, and its TLS handshake completed.' },
  'rdp-without-tls': {
    about: 'peer',
    message: 'The peer speaks RDP and has standard RDP security alone, which is no TLS and proves no identity.',
  },
  'rdp-refused': {
    about: 'peer',
    message:
      'The peer speaks RDP and refuses each security protocol that was offered; the failure code is in the facts.',
  },
  'rdp-nla-not-required': {
    about: 'rule',
    message: 'The peer accepts RDP without network level authentication: a session starts before the user is known.',
  },
  'rdp-security-accepted': {
    about: 'rule',
    message: 'The peer accepts a security protocol of RDP that the rule forbids.',
  },
  'rdp-security-not-tested': {
    about: 'rule',
    message: 'It is not known whether the peer accepts RDP without what the rule demands.',
    undecided: true,
  },
} as const satisfies Reasons
type RdpReason = keyof typeof reasons | SharedReason

const RdpExpectation = closedObject({
  speaks: optional(Flag),
  nla: optional(Type.Literal('required')),
  refuses: optional(list(Security)),
})
type RdpDemand = Demand<typeof RdpExpectation>

/** Without these refused, a client can leave out network level authentication. RDSTLS authenticates with a redirection. */
const withoutNla = ['standard', 'tls'] as const satisfies readonly RdpSecurity[]
const hasNla = (security: RdpSecurity | undefined) => security === 'nla' || security === 'nla-early-auth'

function violation<Code extends string>(demand: RdpDemand, seen: Seen<RdpFacts, Code>): RdpReason | Code | undefined {
  const { speaks, nla, refuses = [] } = demand
  const { rdp } = seen.facts
  if (!speaks && !nla && refuses.length === 0) return undefined
  if (!rdp) return seen.reason
  const { selected, securities } = rdp
  if (!nla && refuses.length === 0) return undefined
  if (nla && withoutNla.some((one) => securities?.[one] === 'accepted')) return 'rdp-nla-not-required'
  if (refuses.some((one) => securities?.[one] === 'accepted')) return 'rdp-security-accepted'
  const needed = [...(nla ? withoutNla : []), ...refuses]
  if (needed.some((one) => securities?.[one] !== 'refused')) return 'rdp-security-not-tested'
  if (!selected) return seen.reason
  return nla && !hasNla(selected) ? 'rdp-nla-not-required' : undefined
}

function contradictions({ nla, refuses }: Record<string, unknown>): ValidationIssue[] {
  const forbidden = [refuses].flat()
  const allowed = rdpSecurities.filter((one) => !forbidden.includes(one) && (!nla || hasNla(one)))
  return allowed.length > 0
    ? []
    : [{ pointer: '/refuses', message: 'must leave a security protocol that the rest of `rdp` allows' }]
}

const rdpGroup: ExpectationGroup<typeof RdpExpectation, RdpFacts, RdpReason> = {
  schema: RdpExpectation,
  violation,
  contradictions,
}

function offersOf(demand: RdpDemand | undefined): RdpSecurity[] | undefined {
  const needed = [...(demand?.nla ? withoutNla : []), ...(demand?.refuses ?? [])]
  return needed.length > 0 ? rdpSecurities.filter((one) => needed.includes(one)) : undefined
}

/** RDP up to the choice of its security, and the TLS handshake after it; no logon is tried. */
export const rdp = defineProtocol({
  name: 'rdp',
  defaultPort: 3389,
  facts: RdpFacts,
  expects: { rdp: rdpGroup, tls: tlsGroup },
  options: closedObject({ ...tlsOptions, offerSecurities: Type.Optional(Type.Array(Security)) }),
  optionsFor: (expect) => ({ ...tlsOptionsFor(expect.tls), offerSecurities: offersOf(expect.rdp) }),
  awaits: ({ rdp: seen, ...facts }) => {
    if (!seen) return 'response to RDP negotiation'
    return seen.selected === 'standard' ? 'response to each security protocol of RDP' : awaitsTls(facts)
  },
  reasons,
  modules: {},
  significance: { ...tlsSignificance, 'rdp/selected': 'notice', 'rdp/securities': 'alert' },
})
