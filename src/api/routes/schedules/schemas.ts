import { type Static, type TSchema, Type } from 'typebox'
import { nameSchema } from '../../../domain/policy/policy.ts'
import { missedPolicies, overlapPolicies, runOutcomes } from '../../../domain/schedules.ts'
import { closedObject, nullable, Timestamp } from '../../openapi/schemas.ts'
import { AuditRequest } from '../audits/schemas.ts'
import { TargetSelection } from '../targets/schemas.ts'

const { policy, params, vantages, reason } = AuditRequest.properties

const AuditTemplate = closedObject(
  { policy, targets: TargetSelection, params, vantages, reason },
  {
    $id: 'AuditTemplate',
    description: 'What is asked for at each tick; a label selector finds the targets of that moment',
    examples: [{ policy: 'netwrix-endpoint-protector', targets: { labels: { site: 'hq' } } }],
  },
)

const plain = {
  cron: Type.String({
    maxLength: 200,
    description: 'Five fields, without seconds: minute, hour, day, month, day of the week',
    examples: ['30 2 * * *'],
  }),
  timeZone: Type.String({ maxLength: 100, description: 'IANA time zone', examples: ['Europe/Berlin'] }),
  audit: AuditTemplate,
  jitterSeconds: Type.Integer({
    minimum: 0,
    maximum: 3600,
    description: 'The audit of a tick begins up to this much later: always the same for the same tick',
  }),
  overlap: Type.Enum([...overlapPolicies], {
    description:
      'While the audit of an earlier tick goes on, a tick is skipped, or waits for its end; one tick can wait',
  }),
  missed: Type.Enum([...missedPolicies], {
    description: 'Of the ticks that came while the service was down, the last is made good, or none',
  }),
  enabled: Type.Boolean({ description: 'False pauses it: what ticks meanwhile is not missed' }),
}
const withDefault = <S extends TSchema>(schema: S, value: Static<S>): S => ({ ...schema, default: value })
const fields = {
  ...plain,
  timeZone: withDefault(plain.timeZone, 'UTC'),
  jitterSeconds: withDefault(plain.jitterSeconds, 0),
  overlap: withDefault(plain.overlap, 'skip'),
  missed: withDefault(plain.missed, 'once'),
  enabled: withDefault(plain.enabled, true),
}

const name = nameSchema('Unique name of the schedule')
export const Schedule = Type.Object(
  {
    name,
    ...plain,
    requestedBy: Type.String({ description: 'Id of the key that asked for it last, or `oidc:SUB` of a token' }),
    next: Type.Array(Timestamp, { description: 'The next five ticks; none while it is paused' }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: 'Schedule', title: 'Schedule', description: 'When audits begin by themselves' },
)
export const ScheduleRun = Type.Object(
  {
    dueAt: Timestamp,
    outcome: Type.Enum([...runOutcomes]),
    reason: nullable(Type.String({ description: 'Why it had no audit, or why it waits' })),
    audit: nullable(Type.String({ format: 'uuid' })),
    decidedAt: Timestamp,
  },
  { $id: 'ScheduleRun', title: 'ScheduleRun', description: 'What became of one tick of a schedule' },
)

export const ScheduleInput = closedObject({ name, ...fields }, { $id: 'ScheduleInput' })
export const ScheduleReplacement = closedObject(fields, { $id: 'ScheduleReplacement' })
export const SchedulePatch = closedObject(Type.Partial(Type.Object(plain)).properties, {
  $id: 'SchedulePatch',
  minProperties: 1,
})
