import { Type } from 'typebox'
import { nameSchema, Zone } from '../../../domain/policy/policy.ts'
import { BindClaim, BindDecision, BindResult } from '../../../domain/vantages/binds.ts'
import { Delivery, Lease as LeasedBatch, leaseId } from '../../../domain/vantages/lease.ts'
import { canaryStates, maxLeaseWaitSeconds, vantageKinds } from '../../../domain/vantages/presence.ts'
import { Count, closedObject, nullable, Timestamp } from '../../openapi/schemas.ts'

const vantage = 'branch-office'
const Canary = Type.Enum([...canaryStates], {
  description:
    'Last state of its canary endpoints; `none`: it has no canaries, `unknown`: they have not been probed yet',
  examples: ['online'],
})
const Version = Type.String({
  pattern: '^[0-9A-Za-z.+-]{1,50}$',
  maxLength: 50,
  description: 'Version of the agent',
  examples: ['1.0.0'],
})

export const Vantage = Type.Object(
  {
    name: nameSchema('Unique name of the vantage', vantage),
    zones: Type.Array(Type.String(), { description: 'Zones that the vantage belongs to', examples: [['client']] }),
    kind: Type.Enum([...vantageKinds], {
      description: '`worker`: a process of the service; `agent`: a process that leases batches over HTTP',
      examples: ['agent'],
    }),
    absent: Type.Boolean({ description: 'Whether the heartbeat of the vantage is overdue' }),
    lastSeenAt: nullable(Timestamp('Time of its last heartbeat'), {
      description: 'Time of its last heartbeat; null if there was none',
    }),
    version: nullable(Version, { description: 'Version of the process that sent the last heartbeat' }),
    canary: Canary,
    queueDepth: Type.Object(
      { waiting: Count('Batches that wait', 2), running: Count('Batches that are being probed', 1) },
      { description: 'Number of batches' },
    ),
    lagSeconds: Type.Number({
      minimum: 0,
      description: 'How long the oldest waiting batch has been waiting',
      examples: [3.2],
    }),
  },
  { $id: 'Vantage', description: 'A named source of probes' },
)
export const Absence = Type.Object(
  {
    vantage: nameSchema('Name of the vantage', vantage),
    from: Timestamp('Its last heartbeat before'),
    to: nullable(Timestamp('Its first heartbeat after'), {
      description: 'Its first heartbeat after; null: the vantage is absent now',
    }),
  },
  { $id: 'Absence', description: 'A time in which a vantage sent no heartbeat, so that nothing was probed from it' },
)
export const VantageInput = closedObject(
  {
    zones: Type.Array(Zone, {
      minItems: 1,
      maxItems: 20,
      uniqueItems: true,
      description: 'Zones that the vantage belongs to',
      examples: [['client']],
    }),
  },
  { $id: 'VantageInput', description: 'The zones of a vantage' },
)

const VantageName = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
  maxLength: 100,
  description: 'Name of the vantage',
  examples: [vantage],
})
export const VantageParams = closedObject({ name: VantageName })
export const LeaseParams = closedObject({
  name: VantageName,
  id: Type.String({
    pattern: leaseId,
    maxLength: 47,
    description: 'Id of the lease',
    examples: ['17.019b7600-0000-7000-8000-000000000006'],
  }),
})

export const BindParams = closedObject({
  ...LeaseParams.properties,
  bind: Type.String({
    format: 'uuid',
    maxLength: 36,
    description: 'Id of the bind',
    examples: ['019b7600-0000-7000-8000-000000000007'],
  }),
})
const digestOf = (character: string) => character.repeat(64)
export const BindRequest = closedObject(BindClaim.properties, {
  $id: 'BindRequest',
  description: 'A bind that an agent wants to make once',
  examples: [
    {
      accounts: [digestOf('a')],
      credential: digestOf('c'),
      key: digestOf('e'),
      host: 'dc1.example',
      port: 389,
      waitMs: 1_500,
      leaseMs: 9_000,
    },
  ],
})
export const BindPermission = Type.Union(BindDecision.anyOf, {
  $id: 'BindPermission',
  description: 'Whether the bind may be made',
  examples: [{ permitted: true, id: '019b7600-0000-7000-8000-000000000007' }],
})
export const BindReport = closedObject(BindResult.properties, {
  $id: 'BindReport',
  description: 'What became of a bind',
  examples: [{ outcome: 'refused', reason: 'ldap-invalid-credentials' }],
})

export const Lease = Type.Object(LeasedBatch.properties, {
  $id: 'Lease',
  description: 'A batch of checks for an agent; it holds what to probe, not what is expected',
  examples: [
    {
      id: '17.019b7600-0000-7000-8000-000000000006',
      heartbeatSeconds: 10,
      checks: [{ probe: 'tcp', host: '10.20.0.11', port: 22, options: {}, companions: [443] }],
    },
  ],
})
export const LeaseRequest = closedObject(
  {
    waitSeconds: Type.Integer({
      minimum: 0,
      maximum: maxLeaseWaitSeconds,
      default: 0,
      description: 'How long to wait if no batch is available',
    }),
    version: Type.Optional(Version),
    canary: Type.Optional(Canary),
    companions: Type.Optional(
      Type.Boolean({
        description: 'Whether the agent makes the connections that `companions` of a check names; default: false',
      }),
    ),
    binds: Type.Optional(
      Type.Boolean({
        description:
          'Whether the agent asks for permission before it binds; without it no check with a credential is leased; default: false',
      }),
    ),
  },
  {
    $id: 'LeaseRequest',
    description: 'Requests a batch; it is the heartbeat of the agent',
    examples: [{ waitSeconds: 25, version: '1.0.0', canary: 'online', companions: true, binds: true }],
  },
)

export const DiscoveryLeaseRequest = closedObject(
  {
    waitSeconds: { ...LeaseRequest.properties.waitSeconds, description: 'How long to wait if no discovery waits' },
  },
  { $id: 'DiscoveryLeaseRequest', description: 'Requests a discovery', examples: [{ waitSeconds: 25 }] },
)

export const TraceLeaseRequest = closedObject(
  {
    waitSeconds: { ...LeaseRequest.properties.waitSeconds, description: 'How long to wait if no trace waits' },
  },
  { $id: 'TraceLeaseRequest', description: 'Requests a trace', examples: [{ waitSeconds: 25 }] },
)

export const ObservationDelivery = closedObject(Delivery.properties, {
  $id: 'ObservationDelivery',
  description: 'What an agent observed for a lease',
  examples: [
    {
      online: true,
      observations: [
        {
          check: 0,
          observedAt: '2026-11-22T02:00:03.000Z',
          addressResults: [
            {
              address: '10.20.0.11',
              state: 'filtered',
              reason: 'no-response',
              facts: {},
              hostAnswered: true,
              latencyMs: null,
              attempts: 3,
            },
          ],
        },
      ],
    },
  ],
})
export const DeliveryReceipt = Type.Object(
  {
    recorded: Type.Boolean({
      description: 'False if the batch had been recorded before; nothing was changed',
      examples: [true],
    }),
    refused: Type.Array(
      Type.Object({
        pointer: Type.String({
          description: 'JSON Pointer into the delivery',
          examples: ['/observations/0/addressResults/0/facts/protocol'],
        }),
        message: Type.String({ examples: ['must be one of TLSv1.2, TLSv1.3'] }),
      }),
      {
        description: 'Issues of observations that were not recorded, at most 100; their checks are errors',
        examples: [[]],
      },
    ),
  },
  { $id: 'DeliveryReceipt', description: 'Whether the observations were recorded' },
)
