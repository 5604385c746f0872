import { Type } from 'typebox'
import { severities } from '../../../../domain/policy/policy.ts'
import { runOutcomes } from '../../../../domain/schedules.ts'
import { LabelQuery } from '../../../listing/labels.ts'
import { FormatQuery } from '../../../listing/listing.ts'
import { Count, Counts, Coverage, nullable, pageOf, TimeInput, Timestamp } from '../../../openapi/schemas.ts'
import { SeriesQuery, seriesFields } from './series.ts'

/** Sums over a group of findings. */
export const standingSums = {
  counts: Counts,
  waived: Count('Failing findings that a waiver accepts'),
  coverage: Coverage,
  score: nullable(Type.Number({ minimum: 0, maximum: 1 }), {
    description: 'Share of `pass` among the checked findings; null if nothing was checked',
    examples: [0.92],
  }),
}
export const observationTimes = {
  oldestObservation: nullable(Timestamp('Time of the oldest observation', '02:00:01')),
  newestObservation: nullable(Timestamp('Time of the newest observation', '02:00:07')),
}

export const ComplianceItem = Type.Object(
  {
    policy: seriesFields.policy,
    severity: nullable(Type.Enum([...severities]), {
      description:
        'Severity of the rule in the newest policy version at that time; null by `policy`, and if no version had the rule',
      examples: ['high'],
    }),
    group: Type.String({
      description:
        'The rule, the target, the vantage, the zone, the severity, the policy, or the value of the label; empty where there is none',
      examples: ['ssh-restricted'],
    }),
    ...standingSums,
    ...observationTimes,
  },
  { $id: 'ComplianceItem', description: 'The compliance of one group of findings' },
)

export const ComplianceReport = Type.Object(
  {
    at: Timestamp('Point in time of the report', '12:00:00'),
    ...pageOf(ComplianceItem).properties,
    missedRuns: Type.Array(
      Type.Object({
        schedule: Type.String({ description: 'Name of the schedule' }),
        policy: seriesFields.policy,
        dueAt: Timestamp('Time of the tick'),
        outcome: Type.Enum([...runOutcomes], { description: 'What the tick led to' }),
        reason: nullable(Type.String(), { description: 'Why there was no audit; null if that is not known' }),
      }),
      { description: 'Newest ticks of schedules without an audit in the 30 days before that time', examples: [[]] },
    ),
    missedRunsTotal: Count('Number of such ticks'),
  },
  { $id: 'ComplianceReport', description: 'What was compliant at a point in time' },
)

/** Filters of a report about a point in time, and its format. */
export const StandingQuery = {
  at: Type.Optional(TimeInput('Point in time of the report; default: now', '2026-11-22T12:00:00Z', 'end')),
  policy: SeriesQuery.policy,
  target: SeriesQuery.target,
  externalId: SeriesQuery.externalId,
  ...LabelQuery,
  ...FormatQuery,
}
