import { Type } from 'typebox'
import { auditStatuses, triggerKinds } from '../../../domain/audits.ts'
import { verdicts } from '../../../domain/findings/verdict.ts'
import { nameSchema } from '../../../domain/policy/policy.ts'
import { deadlineSeconds } from '../../../operations/audits/accept.ts'
import { waitHeaders } from '../../http/prefer.ts'
import { LabelQuery } from '../../listing/labels.ts'
import { PeriodQuery } from '../../listing/period.ts'
import { RefreshQuery } from '../../listing/updated-since.ts'
import {
  Actor,
  ActorName,
  AuditCounts,
  Count,
  Coverage,
  closedObject,
  IdempotencyKey,
  nullable,
  PageQuery,
  Timestamp,
  Uuid,
} from '../../openapi/schemas.ts'
import {
  ExternalIdQuery,
  LabelSelector,
  ParameterValues,
  TargetByExternalId,
  TargetInput,
  TargetName,
} from '../targets/schemas.ts'

const AuditId = Uuid('Id of the audit')
const CorrelationId = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'Reference of the caller, for example the number of a change ticket',
  examples: ['CHG0030001'],
})
const AuditReason = Type.String({
  minLength: 1,
  maxLength: 1000,
  description: 'Why the audit is made',
  examples: ['Firewall change at headquarters'],
})

export const Audit = Type.Object(
  {
    id: AuditId,
    status: Type.Enum([...auditStatuses], { description: 'Progress of the audit', examples: ['completed'] }),
    verdict: nullable(Type.Enum([...verdicts]), {
      description: 'Whether the targets comply with the policy; null until the audit has ended',
      examples: ['fail'],
    }),
    coverage: Coverage,
    counts: AuditCounts,
    progress: Type.Object(
      { done: Count('Checks that have a result', 13), total: Count('Checks of the audit', 13) },
      { description: 'Number of checks' },
    ),
    policy: Type.Object(
      {
        name: Type.String({ description: 'Name of the policy', examples: ['netwrix-endpoint-protector'] }),
        version: Type.Integer({ description: 'Version of the policy', examples: [1] }),
        digest: Type.String({
          description: 'SHA-256 of the policy document, hexadecimal',
          examples: ['6f1d3a2b9c4e5d60718293a4b5c6d7e8f90112233445566778899aabbccddeef'],
        }),
      },
      { description: 'The policy version that was audited' },
    ),
    trigger: Type.String({
      description: 'What created the audit: `api`, `schedule:NAME`, `window:ID` or `cli`',
      examples: ['api'],
    }),
    requestedBy: Actor('Who requested the audit, or `cli` or `system`'),
    requestedByName: ActorName('requestedBy'),
    selection: Type.Object(
      {
        targets: Count('Number of its targets', 1),
        vantages: Type.Array(Type.String(), { description: 'Vantages to probe from; empty: all', examples: [[]] }),
        rules: Type.Array(Type.String(), { description: 'Ids of the rules; empty: all', examples: [[]] }),
      },
      { description: 'What the audit was requested for' },
    ),
    correlationId: nullable(CorrelationId),
    reason: nullable(AuditReason),
    error: nullable(Type.String(), { description: 'Why the audit failed', examples: [null] }),
    createdAt: Timestamp('When the audit was accepted'),
    deadlineAt: nullable(Timestamp('When the audit ends at the latest', '03:00:00')),
    startedAt: nullable(Timestamp('When the first check started')),
    finishedAt: nullable(Timestamp('When the audit ended', '02:00:07')),
  },
  { $id: 'Audit', description: 'One execution of a policy version over targets' },
)

export const AuditRequest = closedObject(
  {
    policy: Type.String({
      pattern: '^[a-z0-9][a-z0-9._-]{0,99}(@[1-9][0-9]{0,8})?$',
      maxLength: 110,
      description: '`name` selects the newest version of the policy, `name@3` version 3',
      examples: ['netwrix-endpoint-protector'],
    }),
    targets: Type.Union(
      [
        Type.Array(Type.Union([TargetName, TargetInput, TargetByExternalId]), { minItems: 1, maxItems: 20_000 }),
        closedObject({ labels: LabelSelector }),
      ],
      {
        description: 'Names and external ids of targets, targets to create or update, or a label selector',
        examples: [['epp-01'], [{ externalId: 'CI0012345' }]],
      },
    ),
    params: Type.Optional(ParameterValues(200, 'Parameters of the policy; they override those of the targets')),
    vantages: Type.Optional(
      Type.Array(nameSchema('A vantage', 'local'), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description: 'Vantages to probe from; default: all vantages',
      }),
    ),
    correlationId: Type.Optional(CorrelationId),
    reason: Type.Optional(AuditReason),
    callbackUrl: Type.Optional(
      Type.String({
        format: 'uri',
        pattern: '^https?://',
        maxLength: 2000,
        description:
          'Receives the event `audit.completed` of this audit, signed with the secret that `GET /v1/callback-secret` returns to the same key',
        examples: ['https://itsm.corp.example/hooks/portwarden'],
      }),
    ),
    deadlineSeconds: Type.Optional(
      Type.Integer({
        minimum: deadlineSeconds.least,
        maximum: deadlineSeconds.most,
        description: `The audit ends after this many seconds at the latest; default: ${deadlineSeconds.default}. A check without a result is then \`notchecked\` if its vantage is absent, else \`unknown\``,
        examples: [600],
      }),
    ),
  },
  {
    $id: 'AuditRequest',
    description: 'Which targets to audit, and with which policy',
    examples: [
      {
        policy: 'netwrix-endpoint-protector',
        targets: [{ name: 'epp-01', address: '10.20.0.11', labels: { site: 'hq' } }],
        params: { domainController: 'dc1.corp.example' },
        correlationId: 'CHG0030001',
        reason: 'Firewall change at headquarters',
      },
    ],
  },
)

export const AuditParams = closedObject({ id: AuditId })

export const WaitHeaders = Type.Object(waitHeaders('audit'))

/** The filters of the list of audits. */
export const AuditQuery = closedObject({
  correlationId: Type.Optional(CorrelationId),
  ...ExternalIdQuery,
  target: Type.Optional(
    Type.String({ minLength: 1, maxLength: 253, description: 'Name of one of the targets', examples: ['epp-01'] }),
  ),
  ...LabelQuery,
  policy: Type.Optional(nameSchema('Name of the policy', 'netwrix-endpoint-protector')),
  status: Type.Optional(Type.Enum([...auditStatuses], { description: 'Status of the audit', examples: ['completed'] })),
  trigger: Type.Optional(
    Type.Enum([...triggerKinds], { description: 'What created the audit', examples: ['schedule'] }),
  ),
  verdict: Type.Optional(Type.Enum([...verdicts], { description: 'Verdict of the audit', examples: ['fail'] })),
  ...PeriodQuery,
  ...RefreshQuery,
  ...PageQuery,
})

export const AuditHeaders = Type.Object({ ...WaitHeaders.properties, ...IdempotencyKey })
