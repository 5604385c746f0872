import { type AnyEventType, allEventTypes } from '../../domain/webhooks/events.ts'
import { webhookData } from './webhook-data.ts'

const said: Record<AnyEventType, string> = {
  ping: 'Somebody tries whether the webhook works: `POST /v1/webhooks/{id}/ping`',
  'audit.completed': 'An audit has ended; its `status` says how',
  'drift.detected': 'An audit differs from the one of the same policy before',
  'finding.opened': 'A finding fails that did not',
  'finding.still-open': 'A finding goes on failing',
  'finding.resolved':
    'A finding does not fail any more: it passes, is waived, does not apply, or is in no scope any more',
  'window.closed': 'The door of a window is shut after its end',
  'window.still-open': 'The door of a window is still open after its end',
  'vantage.absent': 'A vantage is not seen any more',
  'vantage.returned': 'An absent vantage is back',
  'schedule.missed': 'Ticks of a schedule had no audit',
  'schedule.resumed': 'A tick of a schedule has an audit, and the one before had none',
}

const header = (name: string, description: string) => ({
  name,
  in: 'header' as const,
  required: true,
  description,
  schema: { type: 'string' as const },
})
const headers = [
  header('webhook-id', 'The same at each try: tells duplicates'),
  header('webhook-timestamp', 'Seconds since 1970 of this try'),
  header('webhook-signature', 'One signature or several, as Standard Webhooks says'),
]

const operationOf = (type: AnyEventType) => ({
  post: {
    operationId: `on${type.replaceAll(/(?:^|[.-])(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    tags: ['webhooks'],
    summary: said[type],
    security: [],
    parameters: headers,
    requestBody: {
      content: {
        'application/json': {
          schema: {
            type: 'object' as const,
            required: ['type', 'timestamp', 'data'],
            properties: {
              type: { type: 'string' as const, enum: [type] },
              timestamp: { type: 'string' as const, format: 'date-time' },
              data: webhookData[type],
            },
          },
        },
      },
    },
    responses: {
      '2XX': { description: 'Taken; anything else is tried again' },
      '410': { description: 'Wanted no more' },
    },
  },
})

/** What webhooks of the format `standard` are sent, for OpenAPI 3.1. */
export const webhookEvents = Object.fromEntries(allEventTypes.map((type) => [type, operationOf(type)]))

/** Says of the operation that asks for an audit what its `callbackUrl` is sent: OpenAPI 3.0 knows this, and no webhooks. */
export function describeCallback(document: { paths?: object }): object {
  const { paths = {} } = document as { paths?: Record<string, { post?: object }> }
  const { post } = operationOf('audit.completed')
  const ended = { '{$request.body#/callbackUrl}': { post: { ...post, operationId: 'onCallback' } } }
  Object.assign(paths['/v1/audits']?.post ?? {}, { callbacks: { ended } })
  return document
}
