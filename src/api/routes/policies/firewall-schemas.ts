import { Type } from 'typebox'
import { families } from '../../../domain/findings/counted-addresses.ts'
import { firewallActions, leftOutReasons } from '../../../domain/firewall/change.ts'
import { nameSchema, Zone } from '../../../domain/policy/policy.ts'
import { transports } from '../../../domain/protocols/protocol.ts'
import { type FirewallFormatName, firewallFormats } from '../../../report/firewall/index.ts'
import { closedObject, nullable, Timestamp } from '../../openapi/schemas.ts'
import { Policy } from './schemas.ts'

const names = Object.keys(firewallFormats) as FirewallFormatName[]
/** The media types of a proposal: itself, and the languages of firewalls. */
export const firewallMediaTypes = {
  json: 'application/json',
  ...(Object.fromEntries(names.map((name) => [name, firewallFormats[name].mediaType])) as Record<
    FirewallFormatName,
    string
  >),
}

export const FirewallQuery = closedObject({
  target: Type.String({
    minLength: 1,
    maxLength: 253,
    description: 'Name of the target, or `externalId=` and its external id',
    examples: ['epp-01'],
  }),
  vantage: Type.Optional({
    ...nameSchema('The vantage from which flows are seen; or name a zone', 'branch-office'),
    examples: ['branch-office'],
  }),
  zone: Type.Optional({ ...Zone, description: 'The zone from which flows are seen; or name a vantage' }),
  source: Type.Array(Type.String({ minLength: 1, maxLength: 50, examples: ['2001:db8:1::/48'] }), {
    default: [],
    maxItems: 200,
    description: 'A network or an address of that origin; repeat it. Without one, flows from it are not proposed',
    examples: [['2001:db8:1::/48']],
  }),
  resolve: Type.Array(Type.String({ minLength: 1, maxLength: 300, examples: ['dc1.corp.example=2001:db8::5'] }), {
    default: [],
    maxItems: 200,
    description: 'An address of a host that is known by name, as `NAME=ADDRESS`; repeat it. No name is resolved',
    examples: [['dc1.corp.example=2001:db8::5']],
  }),
  format: Type.Optional(
    Type.Enum(Object.keys(firewallMediaTypes) as (keyof typeof firewallMediaTypes)[], {
      description: 'Overrides `Accept`',
      examples: ['nftables'],
    }),
  ),
})

const FlowRule = Type.Object(
  {
    id: Type.String({ description: 'Id of the rule', examples: ['https'] }),
    title: Type.String({ description: 'Title of the rule', examples: ['Clients reach the server over HTTPS'] }),
  },
  { description: 'A rule of the policy' },
)
const Ends = (description: string, example: string) => Type.Array(Type.String(), { description, examples: [[example]] })
const Port = (description: string) => Type.Integer({ minimum: 1, maximum: 65_535, description, examples: [443] })

const Change = Type.Object(
  {
    rules: Type.Array(FlowRule, { description: 'The rules that demand it' }),
    action: Type.Enum([...firewallActions], {
      description: '`drop` without a response; `reject` with a TCP reset, or port-unreachable for UDP',
      examples: ['allow'],
    }),
    direction: Type.Enum(['inbound', 'outbound'], { description: 'Seen from the target', examples: ['inbound'] }),
    atTarget: Type.Boolean({ description: 'False for a flow to another host than the target', examples: [true] }),
    protocol: Type.Enum([...transports], { description: 'Transport', examples: ['tcp'] }),
    family: Type.Enum([...families], { description: 'IP family of all addresses', examples: ['ipv6'] }),
    sources: Ends('Addresses and networks', '2001:db8:1::/48'),
    destinations: Ends('Addresses', '2001:db8::11'),
    ports: Type.Array(Type.Object({ from: Port('First port'), to: Port('Last port') }), {
      description: 'Ports of the destination',
    }),
  },
  { $id: 'FirewallChange', description: 'A flow that a firewall should allow or refuse' },
)

export const FirewallProposalBody = Type.Object(
  {
    policy: Type.Object(Type.Pick(Policy, ['name', 'version', 'digest']).properties),
    target: Type.Object({
      name: Type.String({ description: 'Name of the target', examples: ['epp-01'] }),
      address: Type.String({ description: 'Its address or host name', examples: ['10.20.0.11'] }),
      addresses: Ends('Its known addresses', '2001:db8::11'),
    }),
    origin: Type.Object({
      vantage: nullable(Type.String(), { description: 'The vantage; null where a zone is named', examples: [null] }),
      zones: Type.Array(Type.String(), { description: 'The zones', examples: [['client']] }),
      networks: Ends('Their networks; empty: unknown', '2001:db8:1::/48'),
    }),
    at: Timestamp('When the proposal was made', '12:00:00'),
    changes: Type.Array(Change, { description: 'In the order of the rules; no two contradict each other' }),
    left: Type.Array(
      Type.Object({
        rule: FlowRule,
        reason: Type.Enum([...leftOutReasons], { description: 'Why nothing is proposed', examples: ['window'] }),
        message: Type.String({
          description: 'The same for people',
          examples: ['only while an approved window is open'],
        }),
        changes: Type.Array(Change, { description: 'What the rule would need', examples: [[]] }),
      }),
      { description: 'Rules of which nothing is proposed' },
    ),
  },
  { $id: 'FirewallProposal', description: 'The changes by which firewalls would agree with a policy' },
)

/** The content of the response, for OpenAPI. */
export const firewallContent = {
  description: 'The proposal',
  content: {
    [firewallMediaTypes.json]: { schema: FirewallProposalBody },
    ...Object.fromEntries(
      names.map((name) => {
        const { mediaType, description, example } = firewallFormats[name]
        const type = mediaType.endsWith('json') ? 'object' : 'string'
        return [mediaType, { schema: { type, description, examples: [example] } }]
      }),
    ),
  },
}
