import { type TObject, type TSchema, Type } from 'typebox'
import { driftClasses } from '../../domain/history/drift.ts'
import { severities } from '../../domain/policy/policy.ts'
import { runOutcomes } from '../../domain/schedules.ts'
import { vantageKinds } from '../../domain/vantages/presence.ts'
import type { AnyEventType, EventData } from '../../domain/webhooks/events.ts'
import { resolutions } from '../../domain/webhooks/tickets.ts'
import { Fingerprint, nullable, Result, State, Timestamp } from './schemas.ts'

// This part of the document is not read by what resolves the references of operations.
const component = (name: string) => Type.Unsafe<unknown>({ $ref: `#/components/schemas/${name}` })
const text = Type.String()
const id = Type.String({ format: 'uuid' })
const count = Type.Integer({ minimum: 0 })

const ofAudit = { audit: id, correlationId: nullable(text) }

/** A finding as a tool needs it that makes tickets. */
const TicketFinding = Type.Object({
  fingerprint: Fingerprint,
  ...{ target: text, address: text, externalId: nullable(text), labels: Type.Record(text, text) },
  ...{ policy: text, rule: text, title: text, severity: Type.Enum([...severities]), controls: Type.Array(text) },
  remediation: nullable(text),
  ...{ vantage: text, result: Result, state: State, reason: component('Reason'), observedAt: Timestamp },
  waiver: nullable(Type.String({ format: 'uuid', description: 'Accepts the failure' })),
})

const ofWindow = Type.Object({
  window: Type.Object({
    ...{ id, policy: text, rules: Type.Array(text), ticket: text, reason: text, from: Timestamp, to: Timestamp },
    reprobes: Type.Integer({ minimum: 1, description: 'How often the exposure was probed since the window ended' }),
  }),
  policy: text,
  audit: id,
})

const ofVantage = Type.Object({
  vantage: Type.Object({
    ...{ name: text, zones: Type.Array(text), kind: Type.Enum([...vantageKinds]), lastSeenAt: Timestamp },
  }),
})

/** The `data` of each event; a schema without one of its fields does not compile. */
export const webhookData: { [T in AnyEventType]: TObject<Record<keyof EventData[T], TSchema>> } = {
  ping: Type.Object({ webhook: Type.String({ description: 'Id of the webhook' }) }),
  'audit.completed': Type.Object({ audit: component('Audit') }),
  'drift.detected': Type.Object({
    ...{ ...ofAudit, previous: id, policy: text },
    summary: Type.Object(Object.fromEntries(driftClasses.map((name) => [name, count]))),
    items: Type.Array(component('DriftItem'), { description: 'The first of them' }),
    complete: Type.Boolean({ description: 'Whether these are all' }),
    report: Type.String({ description: 'Path of the whole report' }),
  }),
  'finding.opened': Type.Object({ finding: TicketFinding, ...ofAudit }),
  'finding.still-open': Type.Object({ finding: TicketFinding, ...ofAudit }),
  'finding.resolved': Type.Object({ finding: TicketFinding, resolution: Type.Enum([...resolutions]), ...ofAudit }),
  'window.closed': ofWindow,
  'window.still-open': ofWindow,
  'vantage.absent': ofVantage,
  'vantage.returned': ofVantage,
  'schedule.missed': Type.Object({
    ...{ schedule: text, policy: text, count },
    ticks: Type.Array(Type.Object({ dueAt: Timestamp, outcome: Type.Enum([...runOutcomes]), reason: nullable(text) }), {
      description: 'The newest of them',
    }),
  }),
  'schedule.resumed': Type.Object({ schedule: text, policy: text, audit: id, dueAt: Timestamp }),
}
