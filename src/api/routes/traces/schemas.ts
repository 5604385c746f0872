import { Type } from 'typebox'
import { nameSchema } from '../../../domain/policy/policy.ts'
import {
  TraceDelivery as Delivery,
  describeFailure,
  TraceLease as Lease,
  maxHops,
  TracedPort,
  TraceResult,
  traceFailures,
  traceStatuses,
} from '../../../domain/traces/trace.ts'
import { waitHeaders } from '../../http/prefer.ts'
import {
  Actor,
  ActorName,
  closedObject,
  IdempotencyKey,
  nullable,
  PageQuery,
  Timestamp,
  Uuid,
} from '../../openapi/schemas.ts'
import { ExternalIdQuery, TargetName, TargetReference } from '../targets/schemas.ts'

const Host = Type.String({
  minLength: 1,
  maxLength: 253,
  description: 'IP address or host name; of a name its first address is traced, IPv4 before IPv6',
  examples: ['10.20.0.11'],
})
const VantageName = nameSchema('The vantage that traces', 'local')
const TraceId = Uuid('Id of the trace', '0007')

/** Properties of a trace that explains a finding. */
export const ShownTrace = { id: TraceId, summary: Type.String({ description: 'Its result as a sentence' }) }

const RespondingHop = Type.Object({
  hop: Type.Integer({ minimum: 1, maximum: maxHops, description: 'Its number, from 1', examples: [2] }),
  address: Type.String({ description: 'Its address', examples: ['10.20.0.11'] }),
})

const Failure = Type.Object({
  code: Type.Enum(traceFailures, { description: 'Why there is no path', examples: ['egress-denied'] }),
  message: Type.String({
    description: 'The failure as a sentence that a person can act on',
    examples: [describeFailure('egress-denied').message],
  }),
})

const Path = Type.Object({
  ...TraceResult.properties.path.properties,
  reached: nullable(RespondingHop, {
    description: 'The last hop that SYNs reach; null where none responds',
    examples: [{ hop: 2, address: '10.20.0.11' }],
  }),
  lastForwarding: nullable(RespondingHop, {
    description: 'The last hop that is known to forward SYNs',
    examples: [{ hop: 1, address: '10.20.0.11' }],
  }),
  distance: nullable(Type.Integer({ minimum: 1 }), {
    description: 'Hops to the host; null where nothing came back from it',
    examples: [null],
  }),
  leastDistance: Type.Integer({ minimum: 1, description: 'The host is at least so many hops away', examples: [3] }),
})

export const Trace = Type.Object(
  {
    id: TraceId,
    status: Type.Enum([...traceStatuses], { description: 'Progress of the trace', examples: ['completed'] }),
    target: nullable(TargetName, {
      description: 'Name of the target; null for a host that is none',
      examples: ['epp-01'],
    }),
    host: Host,
    port: TracedPort,
    vantage: VantageName,
    audit: nullable(Uuid('Id of the audit'), {
      description: 'The audit whose finding was newly blocked; null for a trace on request',
      examples: [null],
    }),
    requestedBy: Actor('Who requested the trace, or the audit'),
    requestedByName: ActorName('requestedBy'),
    summary: nullable(Type.String(), {
      description: 'The result in one or two sentences; null without one',
      examples: ['Rejected by the host itself at hop 3 (ICMP port unreachable).'],
    }),
    failure: nullable(Failure, { description: 'Why there is no result; null while it can come', examples: [null] }),
    result: nullable(
      Type.Object({
        address: TraceResult.properties.address,
        path: Path,
        comparison: nullable(Path, {
          description: 'The path to another port of the same address that responds in its name; null without one',
          examples: [null],
        }),
      }),
      { description: 'The measured path; null without one' },
    ),
    createdAt: Timestamp('When the trace was requested'),
    deadlineAt: Timestamp('When it has failed without a result', '02:01:00'),
    startedAt: nullable(Timestamp('When a worker or agent took it'), {
      description: 'When a worker or agent took it; null before',
      examples: ['2026-11-22T02:00:00.000Z'],
    }),
    finishedAt: nullable(Timestamp('When the result came', '02:00:05'), {
      description: 'When the result came; null before',
      examples: ['2026-11-22T02:00:05.000Z'],
    }),
  },
  { $id: 'Trace', description: 'The hops to a port: where it is blocked, and by whom' },
)

export const TraceRequest = closedObject(
  {
    target: Type.Optional(TargetReference),
    host: Type.Optional(Host),
    port: TracedPort,
    comparePort: Type.Optional({
      ...TracedPort,
      description: 'Port of the host for the comparison; default: one that audits found open, else 443, 22 or 80',
    }),
    vantage: Type.Optional(VantageName),
  },
  {
    $id: 'TraceRequest',
    description: 'What to trace: a target or a host, and a port',
    examples: [{ target: 'epp-01', port: 22, vantage: 'local' }],
  },
)

export const TraceParams = closedObject({ id: TraceId })
export const TraceWaitHeaders = Type.Object(waitHeaders('trace'))
export const TraceHeaders = Type.Object({ ...TraceWaitHeaders.properties, ...IdempotencyKey })
export const TraceQuery = closedObject({
  target: Type.Optional(TargetName),
  ...ExternalIdQuery,
  audit: Type.Optional(Uuid('Id of the audit whose findings were traced')),
  vantage: Type.Optional(VantageName),
  ...PageQuery,
})

export const TraceLease = Type.Object(Lease.properties, { $id: 'TraceLease', description: 'A trace for an agent' })

export const TraceDelivery = Type.Union(Delivery.anyOf, {
  $id: 'TraceDelivery',
  description: 'What an agent measured, or why there is no path',
  examples: [{ failure: 'name-not-found' }],
})
