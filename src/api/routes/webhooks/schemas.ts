import { Type } from 'typebox'
import { nameSchema, severities } from '../../../domain/policy/policy.ts'
import { deliveryStatuses } from '../../../domain/webhooks/alerts.ts'
import { groupings, webhookFormats } from '../../../domain/webhooks/delivery-policy.ts'
import { allEventTypes, eventTypes } from '../../../domain/webhooks/events.ts'
import { callbacksId } from '../../../store/webhooks/webhooks.ts'
import {
  Actor,
  ActorName,
  Count,
  closedObject,
  nullable,
  PageQuery,
  Timestamp,
  Uuid,
  withDefault,
} from '../../openapi/schemas.ts'
import { LabelSelector } from '../targets/schemas.ts'

const WebhookId = Type.String({
  pattern: `^(${callbacksId}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`,
  maxLength: 36,
  description: `Id of the webhook; \`${callbacksId}\` stands for the callbacks of audits`,
  examples: ['019b7600-0000-7000-8000-000000000004'],
})
export const WebhookParams = closedObject({ id: WebhookId })

const Events = Type.Array(Type.Enum([...eventTypes]), {
  minItems: 1,
  maxItems: eventTypes.length,
  uniqueItems: true,
  description:
    'Events to deliver. With `servicenow-em` and `jira-ops` one event of each pair opens an alert and the other clears it (`finding.opened` and `finding.resolved`, `vantage.absent` and `vantage.returned`…): subscribe to both. `audit.completed` and `drift.detected` open no alert',
  examples: [['finding.opened', 'finding.resolved']],
})
const plain = {
  url: Type.String({
    format: 'uri',
    pattern: '^https?://',
    maxLength: 2000,
    description: 'Receives the events; HTTPS, except on the machine of the service',
    examples: ['https://itsm.corp.example/hooks/portwarden'],
  }),
  description: nullable(Type.String({ maxLength: 500, examples: ['Change management'] }), {
    description: 'Free text',
  }),
  events: Events,
  filter: closedObject(
    {
      policies: Type.Optional(
        Type.Array(nameSchema('Name of a policy', 'netwrix-endpoint-protector'), {
          minItems: 1,
          maxItems: 100,
          uniqueItems: true,
          description: 'Events of these policies only',
        }),
      ),
      labels: Type.Optional({
        ...LabelSelector,
        description: 'Events of targets with all of these labels only; for an audit, one of its targets must have them',
      } as typeof LabelSelector),
      minSeverity: Type.Optional(
        Type.Enum([...severities], { description: 'Findings and drift of rules with at least this severity only' }),
      ),
    },
    {
      description: 'Restricts the events. A condition applies to the events that have the property',
      examples: [{ minSeverity: 'high', labels: { site: 'hq' } }],
    },
  ),
  format: Type.Enum([...webhookFormats], {
    description:
      '`standard`: Standard Webhooks; `servicenow-em`: events of ServiceNow Event Management; `jira-ops`: alerts of Jira Service Management',
  }),
  openAfter: Type.Integer({
    minimum: 1,
    maximum: 100,
    description:
      'Failures in a row after which `finding.opened` is sent; a pass starts the count again, an unknown result does not change it',
    examples: [1],
  }),
  enabled: Type.Boolean({
    description: 'False pauses the webhook: new events are dropped, waiting deliveries keep waiting',
    examples: [true],
  }),
}
const Authorization = Type.Optional(
  nullable(
    Type.String({
      minLength: 1,
      maxLength: 4000,
      pattern: '^[\\x20-\\x7e]+$',
      writeOnly: true,
      examples: ['Basic cG9ydHdhcmRlbjpzZWNyZXQ='],
    }),
    { description: 'Value of the header Authorization of each delivery; it is never returned. Null removes it' },
  ),
)
const GroupBy = nullable(
  Type.Enum([...groupings], {
    description: '`target`: the findings of one target share one alert, which is resolved when none of them fails',
  }),
  { description: 'What shares an alert; null: each finding has its own. It cannot be changed', examples: [null] },
)
const fields = {
  ...plain,
  description: withDefault(plain.description, null),
  filter: withDefault(plain.filter, {}),
  format: withDefault(plain.format, 'standard'),
  openAfter: withDefault(plain.openAfter, 1),
  groupBy: withDefault(GroupBy, null),
  enabled: withDefault(plain.enabled, true),
  authorization: Authorization,
}
const shown = {
  id: WebhookId,
  ...plain,
  groupBy: GroupBy,
  url: Type.String({
    description: `Receives the events; empty for \`${callbacksId}\``,
    examples: ['https://itsm.corp.example/hooks/portwarden'],
  }),
  events: Type.Array(Type.Enum([...eventTypes]), {
    description: 'Events that are delivered',
    examples: [['finding.opened', 'finding.resolved']],
  }),
  hasAuthorization: Type.Boolean({ description: 'Whether deliveries have the header Authorization' }),
  disabledReason: nullable(Type.String(), {
    description: 'Why the service disabled the webhook; null if it did not',
    examples: [null],
  }),
  previousSecretUntil: nullable(Timestamp('Until when the previous secret signs too'), {
    description: 'Until when the previous secret signs too; null if there is none',
    examples: [null],
  }),
  requestedBy: Actor('Who created the webhook'),
  requestedByName: ActorName('requestedBy'),
  createdAt: Timestamp('When the webhook was created', '01:00:00'),
  updatedAt: Timestamp('When the webhook last changed', '01:00:00'),
}

export const Webhook = Type.Object(shown, { $id: 'Webhook', description: 'A subscription to events' })
export const WebhookWithSecret = Type.Object(
  {
    ...shown,
    secret: nullable(Type.String(), {
      description:
        'The signing secret. Null in the response to a repeated Idempotency-Key, and for `callbacks`: each key has a secret of its own, see `GET /v1/callback-secret`',
      examples: ['whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    }),
  },
  { $id: 'WebhookWithSecret', description: 'A webhook with its signing secret, which is returned only once' },
)
export const WebhookInput = closedObject(fields, {
  $id: 'WebhookInput',
  description: 'A webhook to create',
  examples: [
    {
      url: 'https://itsm.corp.example/hooks/portwarden',
      events: ['finding.opened', 'finding.resolved'],
      filter: { minSeverity: 'high', labels: { site: 'hq' } },
    },
  ],
})
const { authorization: _, ...lasting } = fields
/** What a change of a webhook must leave. */
export const WebhookFields = closedObject(lasting)
export const WebhookPatch = closedObject(
  { ...Type.Partial(Type.Object(plain)).properties, authorization: Authorization },
  {
    $id: 'WebhookPatch',
    description: 'The fields of a webhook to change; an omitted field keeps its value',
    minProperties: 1,
    examples: [{ enabled: false }],
  },
)

const Secret = (description: string, example: string) => Type.String({ description, examples: [example] })
export const CallbackSecret = Type.Object(
  {
    secret: Secret('The signing secret in the form of Standard Webhooks', 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'),
    previousSecret: nullable(Type.String(), {
      description: 'The previous secret while it signs too; null if there is none',
      examples: [null],
    }),
    previousSecretUntil: shown.previousSecretUntil,
  },
  { $id: 'CallbackSecret', description: 'The secret that signs the callbacks of the calling key' },
)
export const SecretRotation = closedObject(
  {
    overlapSeconds: Type.Integer({
      minimum: 0,
      maximum: 604_800,
      default: 86_400,
      description: 'How long the old secret signs too, so that the receiver can change over',
    }),
  },
  { $id: 'SecretRotation', description: 'How to rotate the secret', examples: [{ overlapSeconds: 3600 }] },
)

const DeliveryId = Type.String({
  pattern: '^[1-9][0-9]{0,18}$',
  maxLength: 19,
  description: 'Id of the delivery',
  examples: ['42'],
})
export const EventName = Type.Enum([...allEventTypes], {
  description: 'Type of the event',
  examples: ['finding.opened'],
})
const DeliveryStatus = Type.Enum([...deliveryStatuses], {
  description:
    '`dead`: all attempts failed; it can be delivered again. `superseded`: not sent, because a newer state of the finding replaced it while the receiver was down',
  examples: ['delivered'],
})
export const DeliveryParams = closedObject({ ...WebhookParams.properties, deliveryId: DeliveryId })
export const DeliveryQuery = closedObject({
  status: Type.Optional(DeliveryStatus),
  event: Type.Optional(EventName),
  ...PageQuery,
})
export const Delivery = Type.Object(
  {
    id: DeliveryId,
    messageId: Uuid('The header `webhook-id` of all attempts', '0007'),
    event: EventName,
    url: Type.String({ description: 'Receives the event', examples: ['https://itsm.corp.example/hooks/portwarden'] }),
    status: DeliveryStatus,
    attempts: Count('Number of attempts', 1),
    createdAt: Timestamp('When the event was published', '02:00:07'),
    nextAttemptAt: nullable(Timestamp('Time of the next attempt'), {
      description: 'Time of the next attempt; null if there is none',
      examples: [null],
    }),
    lastAttempt: nullable(
      Type.Object({
        at: Timestamp('When it was made', '02:00:08'),
        durationMs: Type.Integer({ minimum: 0, description: 'Milliseconds until the response', examples: [84] }),
        httpStatus: nullable(Type.Integer(), { description: 'Null without a response', examples: [204] }),
        error: nullable(Type.String(), { description: 'Why the attempt failed', examples: [null] }),
      }),
      { description: 'The last attempt; null before the first' },
    ),
  },
  { $id: 'Delivery', description: 'The delivery of one event to one webhook' },
)
