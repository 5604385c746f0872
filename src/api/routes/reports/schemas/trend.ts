import { Type } from 'typebox'
import { results } from '../../../../domain/findings/judge.ts'
import { trendGroupings } from '../../../../store/history/trend.ts'
import { FormatQuery } from '../../../listing/listing.ts'
import { StepQuery } from '../../../listing/period.ts'
import { closedObject, nullable, Timestamp } from '../../../openapi/schemas.ts'
import { StandingQuery, standingSums } from './compliance.ts'
import { seriesFields } from './series.ts'

const group = Type.String({
  description:
    'The policy, the vantage, the zone that the rule names, or the severity in the newest policy version at that time; empty if no version had the rule',
  examples: ['high'],
})
const numbers = (description: string, example: number[]) =>
  Type.Array(Type.Integer({ minimum: 0 }), { description, examples: [example] })

export const TrendGroup = Type.Object(
  {
    policy: seriesFields.policy,
    group,
    ...(Object.fromEntries(
      results.map((result) => [result, numbers(`Findings that are \`${result}\`, one number for each point`, [1, 2])]),
    ) as Record<(typeof results)[number], ReturnType<typeof numbers>>),
    waived: numbers('Those of the failing findings that a waiver accepts', [0, 1]),
    score: Type.Array(nullable(Type.Number({ minimum: 0, maximum: 1 })), {
      description: 'Share of `pass` among the checked findings; null where nothing was checked',
      examples: [[0.5, 0.5]],
    }),
  },
  { $id: 'TrendGroup', description: 'The compliance of one group of findings over time' },
)

export const TrendReport = Type.Object(
  {
    at: Type.Array(Timestamp('Point in time'), {
      description: 'The points in time that have come, in ascending order',
      examples: [['2026-11-21T12:00:00.000Z', '2026-11-22T12:00:00.000Z']],
    }),
    items: Type.Array(TrendGroup),
    versions: Type.Array(
      Type.Object({
        policy: seriesFields.policy,
        version: Type.Integer({ minimum: 1, description: 'Number of the version', examples: [2] }),
        createdAt: Timestamp('When the version was created', '08:00:00'),
      }),
      { description: 'The versions of policies that were created in the period, oldest first; at most the newest 400' },
    ),
  },
  { $id: 'TrendReport', description: 'Compliance over time; every list of numbers has one for each point' },
)

/** One group at one point, for formats with rows. */
export const TrendPoint = Type.Object(
  { at: Timestamp('Point in time', '12:00:00'), policy: seriesFields.policy, group, ...standingSums },
  { $id: 'TrendPoint', description: 'The compliance of one group of findings at a point in time' },
)

const { policy, target, externalId, label } = StandingQuery
export const TrendQuery = closedObject({
  by: Type.Enum([...trendGroupings], {
    default: 'policy',
    description:
      'What to group by, within each policy. A finding counts in every zone that its rule names and its vantage is in',
    examples: ['severity'],
  }),
  ...StepQuery,
  policy,
  target,
  externalId,
  label,
  ...FormatQuery,
})
