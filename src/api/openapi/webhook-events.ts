import { Type } from 'typebox'
import { type AnyEventType, allEventTypes } from '../../domain/webhooks/events.ts'
import { exampleOf } from './examples.ts'
import { Timestamp } from './schemas.ts'
import { webhookData } from './webhook-data.ts'

const summaries: Record<AnyEventType, string> = {
  ping: 'A test event, sent by `POST /v1/webhooks/{id}/ping`',
  'audit.completed': 'An audit has ended; its `status` says how',
  'drift.detected': 'An audit differs from the previous audit of the same policy',
  'finding.opened': 'A finding fails that did not fail before',
  'finding.still-open': 'A finding still fails',
  'finding.resolved': 'A finding no longer fails: it passes, is waived, does not apply, or is out of scope',
  'window.closed': 'The exposure of an ended window is closed, does not apply any more, or is out of scope',
  'window.still-open': 'An audit found the exposure of an ended window open',
  'vantage.absent': 'The heartbeat of a vantage is overdue',
  'vantage.returned': 'An absent vantage is back',
  'schedule.missed': 'Ticks of a schedule led to no audit',
  'schedule.resumed': 'A schedule has an audit again after a missed tick, or was deleted',
  'digest.daily': 'What the time since the last digest amounts to, also if nothing changed',
}

const header = (name: string, description: string, example: string) => ({
  name,
  in: 'header' as const,
  required: true,
  description,
  schema: { type: 'string' as const },
  example,
})
const headers = [
  header('webhook-id', 'Id of the event; the same for each attempt', '019b7600-0000-7000-8000-000000000007'),
  header('webhook-timestamp', 'Time of this attempt, in seconds since 1970', '1795312808'),
  header('webhook-signature', 'One or more signatures of Standard Webhooks', `v1,${'A'.repeat(43)}=`),
]

/** The body of an event. */
const eventOf = (type: AnyEventType) =>
  Type.Object({
    type: Type.Enum([type], { description: 'Type of the event' }),
    timestamp: Timestamp('When the event was published', '02:00:07'),
    data: webhookData[type],
  })

const operationOf = (type: AnyEventType) => ({
  post: {
    operationId: `on${type.replaceAll(/(?:^|[.-])(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    tags: ['webhooks'],
    summary: summaries[type],
    security: [],
    parameters: headers,
    requestBody: {
      content: { 'application/json': { schema: eventOf(type), example: exampleOf(eventOf(type)) } },
    },
    responses: {
      '2XX': { description: 'Received; any other response is retried' },
      '410': { description: 'The receiver unsubscribes' },
    },
  },
})

/** The events of the format `standard`, for OpenAPI 3.1. */
export const webhookEvents = () => Object.fromEntries(allEventTypes.map((type) => [type, operationOf(type)]))

/** The event that the `callbackUrl` of an audit receives, for OpenAPI 3.0, which has callbacks and no webhooks. */
export const auditCallbacks = () => {
  const { post } = operationOf('audit.completed')
  return { ended: { '{$request.body#/callbackUrl}': { post: { ...post, operationId: 'onCallback' } } } }
}
