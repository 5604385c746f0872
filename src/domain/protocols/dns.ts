import { type Static, Type } from 'typebox'
import { mayHaveMissed, type Reasons, type SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, optional } from '../policy/values.ts'
import {
  type Demand,
  defineProtocol,
  type ExpectationGroup,
  omitted,
  type ProbeModule,
  type Seen,
  spoke,
  texts,
  transportOption,
} from './protocol.ts'

const Rcode = Type.String({ description: 'As IANA names it', examples: ['NOERROR', 'REFUSED'] })

const DnsFacts = closedObject({
  dns: Type.Optional(
    closedObject({
      rcode: { ...Rcode, description: 'Of the response to the query for the root name servers' },
      recursion: Type.Optional(
        Type.Enum(['offered', 'refused'], { description: 'Without a demand only `refused`, if the response says so' }),
      ),
      zone: Type.Optional(
        closedObject({
          name: Type.String({ description: 'The zone of the rule' }),
          rcode: Rcode,
          authoritative: Type.Boolean({
            description: 'The response has the SOA of the zone and says that it is authoritative',
          }),
          primary: Type.Optional(Type.String({ description: 'MNAME of the SOA' })),
        }),
      ),
      records: Type.Optional({
        ...texts,
        description: 'The SRV records of the services of the rule, sorted and without TTL',
        examples: [['_ldap._tcp.dc._msdcs.ad.example.com SRV 0 100 389 dc1.ad.example.com']],
      }),
      missing: Type.Optional({
        ...texts,
        description: 'The services of the rule without a record, with the code of the response',
      }),
      truncated: Type.Optional({
        ...texts,
        description: 'The services of the rule with more records than a datagram holds',
      }),
      zoneTransfer: Type.Optional(
        closedObject({
          outcome: Type.Enum(['refused', 'allowed', 'unclear']),
          rcode: Type.Optional(Rcode),
        }),
      ),
    }),
  ),
  spoke,
  omitted,
})
export type DnsFacts = Static<typeof DnsFacts>

const reasons = {
  'dns-responded': { about: 'peer', message: 'The port responds to DNS.' },
  'dns-zone-not-served': { about: 'rule', message: 'The name server gives no authoritative response for the zone.' },
  'dns-record-missing': {
    about: 'rule',
    message: 'The name server has no SRV record of a service that the rule names: `missing` in the facts lists them.',
  },
  'dns-response-truncated': {
    about: 'rule',
    message:
      'The response does not fit into a datagram, so that its records are not known: set `transport: tcp` in the rule.',
    undecided: true,
  },
  'dns-recursion-offered': { about: 'rule', message: 'The name server resolves foreign names for this vantage.' },
  'dns-recursion-refused': {
    about: 'rule',
    message: 'The name server does not resolve foreign names for this vantage.',
  },
  'dns-zone-transfer-allowed': { about: 'rule', message: 'The name server transfers the whole zone to this vantage.' },
  'dns-zone-transfer-unclear': {
    about: 'rule',
    message: 'The name server neither refused the zone transfer nor made it, so it is not known whether it allows it.',
    undecided: true,
  },
} as const satisfies Reasons
type DnsReason = keyof typeof reasons | SharedReason

const label = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
const DomainName = Type.String({
  pattern: `^${label}(\\.${label})*$`,
  maxLength: 253,
  description: 'A domain name without the dot at its end, RFC 1035 section 2.3.1',
  examples: ['ad.example.com'],
})
const ServiceName = { ...DomainName, examples: ['_ldap._tcp.dc._msdcs.ad.example.com'] }
const maxServices = 10

const DnsExpectation = closedObject({
  answers: optional(Flag),
  zone: optional(DomainName),
  services: optional(Type.Array(ServiceName, { minItems: 1, maxItems: maxServices, uniqueItems: true })),
  recursion: optional(Type.Enum(['refused', 'offered'])),
  zoneTransfer: optional(Type.Literal('refused', { description: 'A transfer of `zone` must be refused' })),
})
type DnsDemand = Demand<typeof DnsExpectation>
type Shown = NonNullable<DnsFacts['dns']>

const sameName = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()

const recursionReasons = { offered: 'dns-recursion-offered', refused: 'dns-recursion-refused' } as const
const transferReasons = {
  refused: undefined,
  allowed: 'dns-zone-transfer-allowed',
  unclear: 'dns-zone-transfer-unclear',
} as const

function zoneViolation(name: string, { zone }: Shown): DnsReason | undefined {
  if (!zone || !sameName(zone.name, name)) return 'facts-missing'
  return zone.authoritative ? undefined : 'dns-zone-not-served'
}

function serviceViolation(
  service: string,
  { records = [], missing = [], truncated = [] }: Shown,
): DnsReason | undefined {
  const begins = (text: string) => text.startsWith(`${service.toLowerCase()} `)
  if (missing.some(begins)) return 'dns-record-missing'
  if (records.some(begins)) return undefined
  return truncated.includes(service.toLowerCase()) ? 'dns-response-truncated' : 'facts-missing'
}

function recursionViolation(demand: string, { recursion: seen }: Shown): DnsReason | undefined {
  if (seen === undefined) return 'facts-missing'
  return seen === demand ? undefined : recursionReasons[seen]
}

const transferViolation = ({ zoneTransfer: seen }: Shown): DnsReason | undefined =>
  seen ? transferReasons[seen.outcome] : 'facts-missing'

const violationsOf = ({ zone, services = [], recursion, zoneTransfer }: DnsDemand, seen: Shown): DnsReason[] =>
  [
    zone === undefined ? undefined : zoneViolation(zone, seen),
    ...services.map((service) => serviceViolation(service, seen)),
    recursion === undefined ? undefined : recursionViolation(recursion, seen),
    zoneTransfer === undefined ? undefined : transferViolation(seen),
  ].filter((one) => one !== undefined)

const undecided: ReadonlySet<DnsReason> = new Set([
  'facts-missing',
  'dns-response-truncated',
  'dns-zone-transfer-unclear',
])

function violation<Code extends string>(
  demand: DnsDemand,
  { facts: { dns: seen }, reason }: Seen<DnsFacts, Code>,
): DnsReason | Code | undefined {
  const { answers, ...others } = demand
  if (!answers && Object.values(others).every((one) => one === undefined)) return undefined
  if (!seen) return reason
  const found = violationsOf(demand, seen)
  // What is proven to be wrong counts before what is not known.
  const proven = found.find((one) => !undecided.has(one))
  if (proven !== undefined || found.length === 0) return proven
  return found[0] === 'facts-missing' && mayHaveMissed(reason) ? reason : found[0]
}

const dnsGroup: ExpectationGroup<typeof DnsExpectation, DnsFacts, DnsReason> = {
  schema: DnsExpectation,
  violation,
  contradictions: ({ zone, zoneTransfer }) =>
    zoneTransfer !== undefined && zone === undefined
      ? [{ pointer: '/zoneTransfer', message: 'needs `zone`: the zone that must not be transferred' }]
      : [],
}

const dnsModule: ProbeModule<DnsFacts> = {
  succeeds: ({ reason }) => reason === 'dns-responded',
  misspoke: ({ reason }) => reason === 'protocol-mismatch' || reason === 'protocol-violation',
}

/** DNS: a zone, SRV records, recursion and zone transfer. */
export const dns = defineProtocol({
  name: 'dns',
  defaultPort: 53,
  transports: ['tcp', 'udp'],
  facts: DnsFacts,
  expects: { dns: dnsGroup },
  options: closedObject({
    ...transportOption,
    zone: Type.Optional(DomainName),
    services: Type.Optional(Type.Array(ServiceName, { maxItems: maxServices })),
    recursion: Type.Optional(Type.Boolean({ description: 'Send a query with recursion desired' })),
    zoneTransfer: Type.Optional(
      Type.Boolean({ description: 'Request a transfer of the zone, and stop reading when it begins' }),
    ),
  }),
  optionsFor: ({ dns: demand }) => ({
    zone: demand?.zone,
    services: demand?.services,
    recursion: demand?.recursion !== undefined,
    zoneTransfer: demand?.zoneTransfer === 'refused',
  }),
  awaits: ({ dns: seen }) => (seen ? 'further DNS response' : 'DNS response'),
  reasons,
  modules: {
    dns_tcp: dnsModule,
    dns_udp: { ...dnsModule, options: { transport: 'udp' } },
  },
  significance: {
    'dns/recursion': 'alert',
    'dns/zoneTransfer': 'alert',
    'dns/zone': 'notice',
    'dns/records': 'alert',
    'dns/missing': 'alert',
  },
})
