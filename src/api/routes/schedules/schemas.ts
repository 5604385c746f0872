import { Type } from 'typebox'
import { nameSchema } from '../../../domain/policy/policy.ts'
import { missedPolicies, overlapPolicies, runOutcomes } from '../../../domain/schedules.ts'
import {
  Actor,
  ActorName,
  closedObject,
  nullable,
  TimeInput,
  Timestamp,
  Uuid,
  withDefault,
} from '../../openapi/schemas.ts'
import { AuditRequest } from '../audits/schemas.ts'
import { TargetSelection } from '../targets/schemas.ts'

const { policy, params, vantages, reason } = AuditRequest.properties
const auditTemplate = { policy: 'netwrix-endpoint-protector', targets: { labels: { site: 'hq' } } }

const AuditTemplate = closedObject(
  { policy, targets: TargetSelection, params, vantages, reason },
  {
    $id: 'AuditTemplate',
    description: 'The audit that each tick creates; a label selector selects the targets of that time',
    examples: [auditTemplate],
  },
)

const plain = {
  cron: Type.String({
    maxLength: 200,
    description:
      'Cron expression with five fields (minute, hour, day, month, day of the week), or a name such as @daily',
    examples: ['30 2 * * *'],
  }),
  timeZone: Type.String({ maxLength: 100, description: 'IANA time zone', examples: ['Europe/Berlin'] }),
  audit: AuditTemplate,
  jitterSeconds: Type.Integer({
    minimum: 0,
    maximum: 3600,
    description: 'Largest delay of the audit after its tick; the same tick always has the same delay',
    examples: [300],
  }),
  overlap: Type.Enum([...overlapPolicies], {
    description:
      'What happens to a tick while the audit of an earlier tick runs: `skip` drops it, `queue` lets one tick wait for the end',
  }),
  missed: Type.Enum([...missedPolicies], {
    description: 'What happens to ticks during an outage of the service: `once` runs the last one, `skip` none',
  }),
  enabled: Type.Boolean({
    description: 'False pauses the schedule; ticks during the pause do not count as missed',
    examples: [true],
  }),
}
const fields = {
  ...plain,
  timeZone: withDefault(plain.timeZone, 'UTC'),
  jitterSeconds: withDefault(plain.jitterSeconds, 0),
  overlap: withDefault(plain.overlap, 'skip'),
  missed: withDefault(plain.missed, 'once'),
  enabled: withDefault(plain.enabled, true),
}

const name = nameSchema('Unique name of the schedule', 'nightly')
export const ScheduleParams = closedObject({ name })

export const Schedule = Type.Object(
  {
    name,
    ...plain,
    requestedBy: Actor('Who last changed the schedule'),
    requestedByName: ActorName('requestedBy'),
    next: Type.Array(Timestamp('Time of a tick', '01:30:00'), {
      description: 'The next five ticks; empty while the schedule is paused',
    }),
    createdAt: Timestamp('When the schedule was created', '01:00:00'),
    updatedAt: Timestamp('When the schedule last changed', '01:00:00'),
  },
  { $id: 'Schedule', description: 'Creates audits at fixed times' },
)
export const ScheduleRun = Type.Object(
  {
    dueAt: Timestamp('Time of the tick', '01:30:00'),
    outcome: Type.Enum([...runOutcomes], { description: 'What the tick led to' }),
    reason: nullable(Type.String(), { description: 'Why the tick has no audit, or why it waits', examples: [null] }),
    audit: nullable(Uuid('Id of its audit')),
    decidedAt: Timestamp('When the outcome was decided', '01:30:01'),
  },
  { $id: 'ScheduleRun', description: 'The outcome of one tick of a schedule' },
)

export const Run = Type.Object(
  {
    schedule: Type.String({ description: 'Name of the schedule', examples: ['nightly'] }),
    policy: Type.String({ description: 'Name of the policy', examples: ['netwrix-endpoint-protector'] }),
    ...ScheduleRun.properties,
    decidedAt: nullable(ScheduleRun.properties.decidedAt, {
      description: 'When the outcome was decided; null for an overdue tick that no worker has taken yet',
    }),
  },
  { $id: 'Run', description: 'The outcome of one tick of any schedule' },
)

export const TickPreview = closedObject(
  {
    cron: plain.cron,
    timeZone: fields.timeZone,
    count: withDefault(Type.Integer({ minimum: 1, maximum: 100, description: 'Number of ticks', examples: [10] }), 10),
    from: Type.Optional(TimeInput('The ticks after this time; default: now')),
  },
  {
    $id: 'TickPreview',
    description: 'The times of a schedule to be',
    examples: [{ cron: '30 2 * * *', timeZone: 'Europe/Berlin' }],
  },
)
export const Ticks = Type.Object(
  {
    ticks: Type.Array(
      Type.Object({
        at: Timestamp('Time of the tick', '01:30:00'),
        local: Type.String({
          format: 'date-time',
          description: 'The same in the time zone; its offset shows daylight saving time',
          examples: ['2026-11-22T02:30:00+01:00'],
        }),
      }),
      { description: 'The next ticks; fewer than requested if the expression has no more' },
    ),
  },
  { $id: 'Ticks', description: 'The next ticks of a cron expression' },
)

const example = { cron: '30 2 * * *', timeZone: 'Europe/Berlin', audit: auditTemplate }
export const ScheduleInput = closedObject(
  { name, ...fields },
  { $id: 'ScheduleInput', description: 'A schedule to create', examples: [{ name: 'nightly', ...example }] },
)
export const ScheduleReplacement = closedObject(fields, {
  $id: 'ScheduleReplacement',
  description: 'All fields of a schedule; an omitted field gets its default',
  examples: [example],
})
export const SchedulePatch = closedObject(Type.Partial(Type.Object(plain)).properties, {
  $id: 'SchedulePatch',
  description: 'The fields of a schedule to change; an omitted field keeps its value',
  minProperties: 1,
  examples: [{ enabled: false }],
})
