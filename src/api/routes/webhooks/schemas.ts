import { type Static, type TSchema, Type } from 'typebox'
import { nameSchema, severities } from '../../../domain/policy/policy.ts'
import { webhookFormats } from '../../../domain/webhooks/delivery-policy.ts'
import { eventTypes } from '../../../domain/webhooks/events.ts'
import { callbacksId } from '../../../store/webhooks/webhooks.ts'
import { closedObject, nullable, Timestamp } from '../../openapi/schemas.ts'

const WebhookId = Type.String({
  pattern: `^(${callbacksId}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`,
  description: `Its id, or \`${callbacksId}\`: the one of what is told to the \`callbackUrl\` of audits`,
})
export const WebhookParams = closedObject({ id: WebhookId })

const plain = {
  url: Type.String({
    format: 'uri',
    pattern: '^https?://',
    maxLength: 2000,
    description: 'Where events are posted to: HTTPS, except to this machine itself',
    examples: ['https://itsm.corp.example/hooks/portwarden'],
  }),
  description: nullable(Type.String({ maxLength: 500 })),
  events: Type.Array(Type.Enum([...eventTypes]), {
    minItems: 1,
    uniqueItems: true,
    description:
      'With `servicenow-em` and `jira-ops` one of each pair opens an alert and the other clears it (`finding.opened` and `finding.resolved`, `vantage.absent` and `vantage.returned`…): ask for both. `audit.completed` and `drift.detected` open none',
  }),
  filter: closedObject(
    {
      policies: Type.Optional(Type.Array(nameSchema('A policy'), { minItems: 1, maxItems: 100, uniqueItems: true })),
      labels: Type.Optional(
        Type.Record(Type.String(), Type.String(), {
          minProperties: 1,
          maxProperties: 50,
          description: 'Labels of targets, all of them; of an audit, one of its targets must have them',
          examples: [{ site: 'hq' }],
        }),
      ),
      minSeverity: Type.Optional(Type.Enum([...severities], { description: 'Of the rules of findings and of drift' })),
    },
    { description: 'A condition counts for the events that have what it asks for' },
  ),
  format: Type.Enum([...webhookFormats], {
    description:
      '`standard`: Standard Webhooks; `servicenow-em`: events of ServiceNow Event Management; `jira-ops`: alerts of Jira Service Management',
  }),
  enabled: Type.Boolean({
    description: 'While it is not, events are noted down no more, and what waits goes on waiting',
  }),
}
const Authorization = Type.Optional(
  nullable(
    Type.String({
      minLength: 1,
      maxLength: 4000,
      pattern: '^[\\x20-\\x7e]+$',
      writeOnly: true,
      description: 'Sent as the header Authorization; never shown again. Null removes it',
      examples: ['Basic cG9ydHdhcmRlbjpzZWNyZXQ='],
    }),
  ),
)
const withDefault = <S extends TSchema>(schema: S, value: Static<S>): S => ({ ...schema, default: value })
const fields = {
  ...plain,
  description: withDefault(plain.description, null),
  filter: withDefault(plain.filter, {}),
  format: withDefault(plain.format, 'standard'),
  enabled: withDefault(plain.enabled, true),
  authorization: Authorization,
}
const shown = {
  id: WebhookId,
  ...plain,
  url: Type.String(),
  events: Type.Array(Type.Enum([...eventTypes])),
  hasAuthorization: Type.Boolean(),
  disabledReason: nullable(Type.String({ description: 'Why it was disabled, where nobody asked for it' })),
  previousSecretUntil: nullable(
    Type.String({ format: 'date-time', description: 'Until then the secret before signs too' }),
  ),
  requestedBy: Type.String({ description: 'Id of the key that asked for it' }),
  createdAt: Timestamp,
  updatedAt: Timestamp,
}

export const Webhook = Type.Object(shown, { $id: 'Webhook', title: 'Webhook', description: 'Who is told of what' })
export const WebhookWithSecret = Type.Object(
  {
    ...shown,
    secret: nullable(
      Type.String({
        description:
          'The signing secret, this once; null where an Idempotency-Key brought the same answer again, and of `callbacks`: each caller has one of its own, which `GET /v1/callback-secret` shows',
        examples: ['whsec_…'],
      }),
    ),
  },
  {
    $id: 'WebhookWithSecret',
    title: 'WebhookWithSecret',
    description: 'A webhook with its signing secret: it cannot be seen again',
  },
)

export const CallbackSecret = Type.Object(
  {
    secret: Type.String({ description: 'As Standard Webhooks writes it', examples: ['whsec_…'] }),
    previousSecret: nullable(
      Type.String({ description: 'The one before it, while it signs too', examples: ['whsec_…'] }),
    ),
    previousSecretUntil: nullable(Timestamp),
  },
  { $id: 'CallbackSecret' },
)

export const WebhookInput = closedObject(fields, {
  $id: 'WebhookInput',
  examples: [
    {
      url: 'https://itsm.corp.example/hooks/portwarden',
      events: ['audit.completed', 'finding.opened', 'finding.resolved'],
      filter: { minSeverity: 'high', labels: { site: 'hq' } },
    },
  ],
})
export const WebhookPatch = closedObject(
  { ...Type.Partial(Type.Object(plain)).properties, authorization: Authorization },
  { $id: 'WebhookPatch', minProperties: 1 },
)
export const SecretRotation = closedObject(
  {
    overlapSeconds: Type.Integer({
      minimum: 0,
      maximum: 604_800,
      default: 86_400,
      description: 'As long both secrets sign, so that the receiver can change over',
    }),
  },
  { $id: 'SecretRotation', examples: [{ overlapSeconds: 3600 }] },
)
