import { type Static, Type } from 'typebox'
import { flowKinds } from '../../../../domain/flows/edges.ts'
import { hostRoles } from '../../../../domain/flows/ends.ts'
import { severities } from '../../../../domain/policy/policy.ts'
import { groupNames, protocolNames } from '../../../../domain/protocols/index.ts'
import { LabelQuery } from '../../../listing/labels.ts'
import { PointInTimeQuery } from '../../../listing/point-in-time.ts'
import { Count, Counts, closedObject, nullable, Result, State, Timestamp, Uuid } from '../../../openapi/schemas.ts'
import { examplePolicy, PolicyPreviewRequest } from '../../policies/schemas.ts'
import { SeriesQuery, seriesFields } from './series.ts'

const ofTargets = Count('For how many targets it is so', 12)
const EdgeEnd = (description: string, example: string) => Type.String({ description, examples: [example] })

const Zone = Type.Object({
  id: EdgeEnd('Id in `from` of edges', 'zone:client'),
  name: Type.String({ description: 'Name of the zone', examples: ['client'] }),
})

const Host = Type.Object({
  id: EdgeEnd('Id in `from` and `to` of edges', 'server'),
  role: Type.Enum([...hostRoles], {
    description:
      '`server` is the target; `endpoint` another host that must be reached; `peer` a host that the target reaches',
    examples: ['peer'],
  }),
  name: Type.String({
    description: '`server`, the parameter that names the host, or the host that the rule names',
    examples: ['domainController'],
  }),
  targets: Count('For how many targets rules about it apply', 12),
  hosts: Type.Array(
    Type.Object({
      host: Type.String({ description: 'Host name or address', examples: ['dc1.example.org'] }),
      targets: ofTargets,
    }),
    { description: 'The hosts that it stands for, the most common first, up to 20' },
  ),
})

const Blocked = Type.Object({
  after: nullable(Type.String(), {
    description: 'Address of the last hop that SYNs reach; null where no hop responds',
    examples: ['10.20.0.11'],
  }),
  rejectedBy: nullable(Type.String(), {
    description: 'Sender of the ICMP message that rejects them; null without one',
    examples: [null],
  }),
  checks: Count('Of how many checks', 3),
  trace: Uuid('Id of one of the traces', '0007'),
})

const Edge = Type.Object(
  {
    policy: seriesFields.policy,
    rule: seriesFields.rule,
    title: Type.String({ description: 'Title of the rule', examples: ['SSH is not reachable from client networks'] }),
    rationale: nullable(Type.String(), {
      description: 'Why the rule is there',
      examples: ['SSH serves vendor interventions only.'],
    }),
    severity: Type.Enum([...severities], { description: 'Severity of the rule', examples: ['high'] }),
    direction: Type.Enum(['inbound', 'outbound'], { description: 'Seen from the target', examples: ['inbound'] }),
    zone: Type.String({ description: 'The zone that the flow is seen from', examples: ['client'] }),
    from: EdgeEnd('Id of a zone, or of the server', 'zone:client'),
    to: EdgeEnd('Id of a host', 'server'),
    probe: Type.Enum([...protocolNames], { description: 'The probe', examples: ['tcp'] }),
    targets: Count('For how many targets the rule applies', 12),
    ports: Type.Array(
      Type.Object({
        port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'Port', examples: [22] }),
        targets: ofTargets,
      }),
      { description: 'Its ports by the parameters of targets, the most common first, up to 20' },
    ),
    expects: Type.Object({
      kind: Type.Enum([...flowKinds], {
        description:
          '`open`, `closed`, `window`: closed, and open inside a window; `either`: the state decides nothing',
        examples: ['closed'],
      }),
      states: Type.Array(State, { description: 'Allowed states', examples: [['closed', 'filtered']] }),
      insideWindow: nullable(Type.Array(State), {
        description: 'Allowed states inside a window; null without an expectation for it',
        examples: [null],
      }),
      groups: Type.Array(Type.Enum([...groupNames]), {
        description: 'What else is demanded, such as `tls`',
        examples: [[]],
      }),
    }),
    counts: Counts,
    waived: Count('Failing findings that a waiver accepts'),
    worst: nullable(Type.Object({ result: Result, state: State }), {
      description: 'The worst result, with the state that most of its findings have; null without findings',
      examples: [{ result: 'pass', state: 'filtered' }],
    }),
    blocked: Type.Array(Blocked, {
      description: 'Where packets of blocked checks stop, by the newest traces; the most checks first',
    }),
  },
  { description: 'A rule from one of its zones' },
)

export const FlowReport = Type.Object(
  {
    at: Timestamp('Point in time of the report', '12:00:00'),
    policies: Type.Array(
      Type.Object({
        name: seriesFields.policy,
        version: nullable(Type.Integer({ minimum: 1 }), {
          description: 'Version at that time; null for a draft',
          examples: [1],
        }),
        title: Type.String({ description: 'Title of the policy', examples: ['Network ports of the server'] }),
      }),
    ),
    zones: Type.Array(Zone, { description: 'Where inbound flows come from' }),
    hosts: Type.Array(Host, { description: 'Where flows lead' }),
    edges: Type.Array(Edge, { description: 'In the order of the rules' }),
  },
  { $id: 'FlowReport', description: 'The flows that policies demand, and how they stand' },
)
export type FlowReport = Static<typeof FlowReport>

export const FlowQuery = closedObject({
  ...PointInTimeQuery,
  policy: SeriesQuery.policy,
  target: SeriesQuery.target,
  externalId: SeriesQuery.externalId,
  ...LabelQuery,
})

const { document, targets } = PolicyPreviewRequest.properties
export const DraftFlowRequest = closedObject(
  { document, targets },
  {
    $id: 'DraftFlowRequest',
    description: 'The draft, and for which targets',
    examples: [{ document: examplePolicy, targets: ['epp-01'] }],
  },
)
