import { Type } from 'typebox'
import {
  DiscoveryDelivery as Delivery,
  Discovery,
  discoveryFailures,
  DiscoveryLease as Lease,
  maxTargets,
  PortText,
} from '../../../domain/learning/discovery.ts'
import { nameSchema } from '../../../domain/policy/policy.ts'
import { Port } from '../../../domain/policy/values.ts'
import { traceStatuses } from '../../../domain/traces/trace.ts'
import { waitHeaders } from '../../http/prefer.ts'
import {
  Actor,
  ActorName,
  Count,
  closedObject,
  IdempotencyKey,
  nullable,
  PageQuery,
  Timestamp,
  Uuid,
} from '../../openapi/schemas.ts'
import { Policy } from '../policies/schemas.ts'
import { TargetName, TargetSelection } from '../targets/schemas.ts'

const ProposalId = Uuid('Id of the proposal', '0008')
const vantageName = () => nameSchema('Name of a vantage', 'local')
const Status = (of: string) =>
  Type.Enum([...traceStatuses], { description: `Progress of ${of}`, examples: ['completed'] })
const { target: _, reason, ports } = Discovery.properties.undecided.items.properties

export const ProposalRequest = closedObject(
  {
    targets: TargetSelection,
    vantages: Type.Optional(
      Type.Array(vantageName(), { minItems: 1, maxItems: 50, uniqueItems: true, description: 'Default: all' }),
    ),
    ports: Type.Array(
      Type.Union([{ ...Port, examples: [443] }, Type.String({ minLength: 1, maxLength: 11, examples: ['1-1024'] })]),
      {
        minItems: 1,
        maxItems: 200,
        description: 'TCP ports and ranges',
        examples: [['1-1024', 8443]],
      },
    ),
  },
  {
    $id: 'ProposalRequest',
    description: `What to probe: at most ${maxTargets} targets, and 100000 ports of all targets from all vantages`,
    examples: [{ targets: ['epp-01'], ports: ['1-1024', 8443] }],
  },
)

const Part = Type.Object({
  vantage: vantageName(),
  status: Status('this vantage'),
  failure: nullable(Type.Enum([...discoveryFailures]), {
    description: 'Why it found nothing; null while it can',
    examples: [null],
  }),
  open: Count('Open ports of all targets', 2),
  undecided: Type.Array(Type.Object({ target: TargetName, reason, ports }), {
    description: 'Ports of which nothing is known',
    examples: [[]],
  }),
})

const summary = {
  id: ProposalId,
  status: Status('the proposal; `failed`: no vantage found anything out'),
  targets: Type.Array(TargetName, { description: 'What is probed', examples: [['epp-01']] }),
  ports: Type.Array(PortText, { description: 'Ports and ranges', examples: [['1-1024', '8443']] }),
  vantages: Type.Array(Part, { description: 'What each vantage found' }),
  requestedBy: Actor('Who requested it'),
  requestedByName: ActorName('requestedBy'),
  createdAt: Timestamp('When it was requested'),
  deadlineAt: Timestamp('When a vantage has failed without a result', '02:15:00'),
}
export const ProposalSummary = Type.Object(summary, {
  $id: 'ProposalSummary',
  description: 'A proposal without its document',
})
export const Proposal = Type.Object(
  {
    ...summary,
    document: nullable(Policy.properties.document, {
      description:
        'The proposed policy, which is stored nowhere; null before all vantages have ended, and where nothing is open',
    }),
    source: nullable(Type.String(), {
      description: 'The same as YAML, to be edited and approved by a person',
      examples: ['name: proposed\n…'],
    }),
    omitted: Count('Flows that no document has room for'),
  },
  { $id: 'Proposal', description: 'A policy that is proposed from what is open' },
)

export const ProposalParams = closedObject({ id: ProposalId })
export const ProposalWaitHeaders = Type.Object(waitHeaders('proposal'))
export const ProposalHeaders = Type.Object({ ...ProposalWaitHeaders.properties, ...IdempotencyKey })
export const ProposalQuery = closedObject(PageQuery)

export const DiscoveryLease = Type.Object(Lease.properties, {
  $id: 'DiscoveryLease',
  description: 'Targets and ports for an agent, which finds out what is open',
})
export const DiscoveryDelivery = Type.Union(Delivery.anyOf, {
  $id: 'DiscoveryDelivery',
  description: 'What an agent found open, or why it found nothing out',
  examples: [{ failure: 'vantage-offline' }],
})
