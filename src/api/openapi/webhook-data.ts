import { type TObject, type TSchema, Type } from 'typebox'
import { severities } from '../../domain/policy/policy.ts'
import { runOutcomes } from '../../domain/schedules.ts'
import { vantageKinds } from '../../domain/vantages/presence.ts'
import {
  type AnyEventType,
  type EventData,
  scheduleResolutions,
  windowResolutions,
} from '../../domain/webhooks/events.ts'
import { resolutions } from '../../domain/webhooks/tickets.ts'
import { Audit } from '../routes/audits/schemas.ts'
import { Digest } from '../routes/reports/schemas/digest.ts'
import { DriftItem, DriftSummary } from '../routes/reports/schemas/drift.ts'
import { Count, Fingerprint, Judged, nullable, PageUrl, Timestamp, Uuid } from './schemas.ts'

const text = (description: string, example: string) => Type.String({ description, examples: [example] })
const policy = text('Name of the policy', 'netwrix-endpoint-protector')
const ticket = text('Number of the change ticket', 'CHG0030003')
const schedule = text('Name of the schedule', 'nightly')
const audit = Uuid('Id of the audit')
const auditUrl = PageUrl('audit', 'audits/019b7600-0000-7000-8000-000000000001')
const ofAudit = { audit, auditUrl, correlationId: nullable(text('Reference of the caller', 'CHG0030001')) }

/** A finding with everything that a tool needs to create a ticket. */
const TicketFinding = Type.Object(
  {
    url: PageUrl('finding', 'findings/5f0c3b1e-6a52-5d0e-9b7e-2d6f0c9a4e11'),
    fingerprint: Fingerprint,
    target: text('Name of the target', 'epp-01'),
    address: text('Address of the target', '10.20.0.11'),
    externalId: nullable(text('Id of the target in another system', 'CI0012345')),
    labels: Type.Record(Type.String(), Type.String(), {
      description: 'Labels of the target',
      examples: [{ site: 'hq' }],
    }),
    policy,
    rule: text('Id of the rule', 'ssh-restricted'),
    title: text('Title of the rule', 'SSH is not reachable from client networks'),
    severity: Type.Enum([...severities], { description: 'Severity of the rule', examples: ['high'] }),
    controls: Type.Array(text('FRAMEWORK:CONTROL', 'PCI-DSS-4.0.1:1.2.5')),
    remediation: nullable(text('How to correct the failure', 'Restrict port 22 at the perimeter')),
    vantage: text('Name of the vantage', 'local'),
    ...Judged,
    observedAt: Timestamp('When the probe ended', '02:00:03'),
    waiver: nullable(Uuid('Id of the waiver that accepts the failure', '0003'), { examples: [null] }),
  },
  { $id: 'TicketFinding', description: 'A finding with everything that a tool needs to create a ticket' },
)

const ofFinding = {
  finding: TicketFinding,
  group: nullable(
    Type.Object({
      id: Uuid('Identifies the target, even after it is renamed', '0009'),
      count: Count('How many of its findings fail', 2),
      failing: Type.Array(TicketFinding, { description: 'The first 50 of these', maxItems: 50 }),
    }),
    {
      description:
        'Of a webhook with `groupBy`: the failing findings of the target, of which `finding` is the most severe; otherwise null',
      examples: [null],
    },
  ),
}

const ofWindow = {
  window: Type.Object({
    id: Uuid('Id of the window', '0002'),
    policy,
    rules: Type.Array(text('Id of a rule', 'ssh-support')),
    ticket,
    reason: text('Why the window was needed', 'The vendor analyses the failing update'),
    from: Timestamp('When the window opened', '09:00:00'),
    to: Timestamp('When the window closed', '11:00:00'),
    reprobes: Type.Integer({
      minimum: 1,
      description: 'Audits since the end that probed the exposure again',
      examples: [1],
    }),
  }),
  policy,
  audit: Uuid('Id of the newest of these audits', '0005'),
  auditUrl,
}

const ofVantage = Type.Object({
  vantage: Type.Object({
    name: text('Name of the vantage', 'branch-office'),
    zones: Type.Array(text('Zone of the vantage', 'client')),
    kind: Type.Enum([...vantageKinds], { description: 'Kind of the vantage' }),
    lastSeenAt: Timestamp('Time of its last heartbeat'),
  }),
})

/** The `data` of each event; a schema without one of its fields does not compile. */
export const webhookData: { [T in AnyEventType]: TObject<Record<keyof EventData[T], TSchema>> } = {
  ping: Type.Object({ webhook: Uuid('Id of the webhook', '0004') }),
  'audit.completed': Type.Object({ audit: Audit, auditUrl }),
  'drift.detected': Type.Object({
    ...ofAudit,
    previous: Uuid('Id of the previous audit', '0008'),
    policy,
    summary: DriftSummary,
    items: Type.Array(DriftItem, { description: 'The first items of the report' }),
    complete: Type.Boolean({ description: 'Whether `items` holds all items', examples: [true] }),
    report: text('Path of the whole report', '/v1/reports/drift?from=audit:…&to=audit:…'),
  }),
  'finding.opened': Type.Object({ ...ofFinding, ...ofAudit }),
  'finding.still-open': Type.Object({ ...ofFinding, ...ofAudit }),
  'finding.resolved': Type.Object({
    ...ofFinding,
    resolution: Type.Enum([...resolutions], { description: 'Why the finding is resolved' }),
    ...ofAudit,
  }),
  'window.closed': Type.Object({
    ...ofWindow,
    resolution: Type.Enum([...windowResolutions], { description: 'Why the window is done with' }),
  }),
  'window.still-open': Type.Object(ofWindow),
  'vantage.absent': ofVantage,
  'vantage.returned': ofVantage,
  'schedule.missed': Type.Object({
    schedule,
    policy,
    count: Count('Number of missed ticks', 1),
    ticks: Type.Array(
      Type.Object({
        dueAt: Timestamp('Time of the tick', '01:30:00'),
        outcome: Type.Enum([...runOutcomes], { description: 'What the tick led to' }),
        reason: nullable(text('Why there was no audit', 'the service was down'), {
          description: 'Why there was no audit; null if that is not known',
        }),
      }),
      { description: 'The newest missed ticks' },
    ),
  }),
  'schedule.resumed': Type.Object({
    schedule,
    policy,
    resolution: Type.Enum([...scheduleResolutions], { description: 'Why no ticks are missed any more' }),
    audit: nullable(audit, { description: 'Id of the audit; null if the schedule was deleted' }),
    auditUrl,
    dueAt: nullable(Timestamp('Time of the tick', '01:30:00'), {
      description: 'Time of the tick; null if the schedule was deleted',
    }),
  }),
  'digest.daily': Type.Object({
    ...Digest.properties,
    url: PageUrl('digest', 'reports/digest?from=2026-11-21T06%3A00%3A00.000Z&at=2026-11-22T06%3A00%3A00.000Z'),
  }),
}
