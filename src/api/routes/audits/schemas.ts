import { Type } from 'typebox'
import { auditStatuses } from '../../../domain/audits.ts'
import { verdicts } from '../../../domain/findings/verdict.ts'
import { nameSchema } from '../../../domain/policy/policy.ts'
import { deadlineSeconds } from '../../../operations/audits/accept.ts'
import { LabelQuery } from '../../listing/labels.ts'
import { RefreshQuery } from '../../listing/updated-since.ts'
import {
  AuditCounts,
  Coverage,
  closedObject,
  IdempotencyKey,
  nullable,
  PageQuery,
  Timestamp,
} from '../../openapi/schemas.ts'
import { TargetInput, TargetName } from '../targets/schemas.ts'

const count = Type.Integer({ minimum: 0 })

export const Audit = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    status: Type.Enum([...auditStatuses]),
    verdict: nullable(Type.Enum([...verdicts], { description: 'Null until the audit has ended' })),
    coverage: Coverage,
    counts: AuditCounts,
    progress: Type.Object({ done: count, total: count }),
    policy: Type.Object({ name: Type.String(), version: Type.Integer(), digest: Type.String() }),
    trigger: Type.String({ examples: ['api'] }),
    correlationId: nullable(Type.String()),
    reason: nullable(Type.String()),
    error: nullable(Type.String({ description: 'Why the audit failed' })),
    createdAt: Timestamp,
    deadlineAt: nullable(Timestamp),
    startedAt: nullable(Timestamp),
    finishedAt: nullable(Timestamp),
  },
  { $id: 'Audit', title: 'Audit', description: 'One execution of a policy version over targets' },
)

export const AuditRequest = closedObject(
  {
    policy: Type.String({
      pattern: '^[a-z0-9][a-z0-9._-]{0,99}(@[1-9][0-9]{0,8})?$',
      description: '`name` for the newest version, `name@3` for that one',
    }),
    targets: Type.Union(
      [
        Type.Array(Type.Union([TargetName, TargetInput]), { minItems: 1, maxItems: 20_000 }),
        closedObject({ labels: Type.Record(Type.String(), Type.String(), { minProperties: 1, maxProperties: 50 }) }),
      ],
      { description: 'Names of targets, targets to create or update, or a label selector' },
    ),
    params: Type.Optional(
      Type.Record(Type.String({ maxLength: 100 }), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
    ),
    vantages: Type.Optional(Type.Array(nameSchema('A vantage'), { minItems: 1, maxItems: 100, uniqueItems: true })),
    correlationId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'For example the number of a change ticket' }),
    ),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
    callbackUrl: Type.Optional(
      Type.String({
        format: 'uri',
        pattern: '^https?://',
        maxLength: 2000,
        description:
          'Is told the end of this audit: the event `audit.completed`, signed with the secret that `GET /v1/callback-secret` shows to whoever asks for the audit',
      }),
    ),
    deadlineSeconds: Type.Optional(
      Type.Integer({
        minimum: deadlineSeconds.least,
        maximum: deadlineSeconds.most,
        description: `After how many seconds it ends at the latest; without it ${deadlineSeconds.default}. What was not looked at by then is \`notchecked\` where its vantage is absent, else \`unknown\``,
      }),
    ),
  },
  {
    $id: 'AuditRequest',
    examples: [
      {
        policy: 'netwrix-endpoint-protector',
        targets: [{ name: 'epp-01', address: '10.0.0.5', labels: { site: 'hq' } }],
        params: { domainController: 'dc1.corp.example' },
        correlationId: 'CHG0030001',
      },
    ],
  },
)

export const AuditParams = closedObject({ id: Type.String({ format: 'uuid' }) })

/** A caller waits so long for the end of an audit, and no longer. */
export const maxWaitSeconds = 15
export const WaitHeaders = Type.Object({
  prefer: Type.Optional(
    Type.String({
      maxLength: 200,
      description: `\`wait=N\` waits up to N seconds (at most ${maxWaitSeconds}) for the end, RFC 7240`,
      examples: ['wait=10'],
    }),
  ),
})

/** What audits are found by. */
export const AuditQuery = closedObject({
  correlationId: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  externalId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'Of one of its targets, as it is now: its id in a CMDB',
    }),
  ),
  ...LabelQuery,
  policy: Type.Optional(nameSchema('A policy')),
  status: Type.Optional(Type.Enum([...auditStatuses])),
  ...RefreshQuery,
  ...PageQuery,
})

export const AuditHeaders = Type.Object({
  ...WaitHeaders.properties,
  ...IdempotencyKey,
})
