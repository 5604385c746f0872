import { Type } from 'typebox'
import { describeReason } from '../../../../domain/findings/reasons.ts'
import { driftCauses, driftClasses } from '../../../../domain/history/drift.ts'
import { significances } from '../../../../domain/history/significance.ts'
import { severities } from '../../../../domain/policy/policy.ts'
import { LabelQuery } from '../../../listing/labels.ts'
import { FormatQuery, ListingQuery } from '../../../listing/listing.ts'
import { StepQuery } from '../../../listing/period.ts'
import {
  Count,
  closedObject,
  Fingerprint,
  Judged,
  nullable,
  PageQuery,
  pageOf,
  Timestamp,
} from '../../../openapi/schemas.ts'
import { TargetName } from '../../targets/schemas.ts'
import { FieldChange } from './history.ts'
import { SeriesQuery, seriesFields } from './series.ts'

const Significance = Type.Enum([...significances], {
  description: '`alert`: needs attention now; `notice`: belongs into the next review; `info`: expected',
  examples: ['alert'],
})
const DriftClass = Type.Enum([...driftClasses], {
  description: [
    'Kind of the difference:',
    '- `regressed`: passed before and fails; `recovered`: failed before and passes',
    '- `changed`: same result, other evidence',
    '- `obscured`: no conclusive evidence any more; `clarified`: conclusive evidence again',
    '- `appeared`: not in scope before; `vanished`: no longer in scope',
  ].join('\n'),
})
const pass = { result: 'pass', state: 'closed', reason: describeReason('as-expected') }
const fail = { result: 'fail', state: 'open', reason: describeReason('unexpected-state') }
const Outcome = Type.Object(Judged)

const Cause = Type.Enum([...driftCauses], {
  description: '`environment`: hosts or network; `policy`: another policy version; `scope`: other targets or vantages',
})
const RuleSeverity = Type.Enum([...severities], {
  description: 'Severity of the rule in the newest policy version at `to` that has it',
  examples: ['high'],
})

export const DriftItem = Type.Object(
  {
    fingerprint: Fingerprint,
    class: DriftClass,
    cause: Cause,
    significance: Significance,
    target: TargetName,
    ...seriesFields,
    at: Timestamp('When the outcome changed', '02:00:03'),
    before: nullable(Outcome, { description: 'Outcome at `from`; null if there is none', examples: [pass] }),
    after: nullable(Outcome, { description: 'Outcome at `to`; null if there is none', examples: [fail] }),
    changes: Type.Array(Type.Object({ ...FieldChange.properties, significance: Significance }), {
      description: 'The fields that differ',
      examples: [
        [
          {
            path: '/evidence/addresses/10.20.0.11/state',
            before: 'closed',
            after: 'open',
            significance: 'alert',
          },
        ],
      ],
    }),
    flapping: nullable(
      Type.Object({
        changes: Count('Changes among the last observations'),
        observations: Count('Observations that were counted'),
        share: Type.Number({ minimum: 0, maximum: 1, description: 'Changes per observation' }),
      }),
      { description: 'How often the outcome changed lately; null if it is stable', examples: [null] },
    ),
  },
  { $id: 'DriftItem', description: 'One difference between two points in time' },
)

const summary = Object.fromEntries(
  driftClasses.map((name) => [name, Count(`Items of the class \`${name}\``, name === 'regressed' ? 1 : 0)]),
) as Record<(typeof driftClasses)[number], ReturnType<typeof Count>>
export const DriftSummary = Type.Object(summary, { description: 'Number of items by class, over all pages' })

export const DriftReport = Type.Object(
  {
    from: Timestamp('First point in time', '00:00:00'),
    to: Timestamp('Second point in time', '12:00:00'),
    summary: DriftSummary,
    ...pageOf(DriftItem).properties,
  },
  { $id: 'DriftReport', description: 'The differences between two points in time' },
)

const PointInTimeText = (description: string, example: string, more = '') =>
  Type.String({
    minLength: 1,
    maxLength: 200,
    description: `${description}: an RFC 3339 time, a date (\`from\`: its start in UTC, \`to\`: its end), \`audit:ID\`, or \`baseline:NAME\`${more}`,
    examples: [example],
  })
export const DriftQuery = closedObject({
  from: PointInTimeText(
    'First point in time',
    'baseline:approved-2026-11',
    ', or `previous`, which is the audit of the same policy and of its targets before that of `to`',
  ),
  to: PointInTimeText('Second point in time', '2026-11-22T12:00:00Z'),
  ...SeriesQuery,
  class: Type.Optional(DriftClass),
  severity: Type.Optional(RuleSeverity),
  cause: Type.Optional(Cause),
  significance: Type.Optional(Significance),
  ...LabelQuery,
  ...PageQuery,
  ...ListingQuery,
})

const { policy, target, externalId, rule, vantage } = SeriesQuery
export const DriftSeriesQuery = closedObject({
  ...StepQuery,
  policy,
  target,
  externalId,
  rule,
  vantage,
  severity: Type.Optional(RuleSeverity),
  ...LabelQuery,
  ...FormatQuery,
})
export const DriftStep = Type.Object(
  {
    from: Timestamp('First point in time', '00:00:00'),
    to: Timestamp('Second point in time', '12:00:00'),
    ...summary,
  },
  { $id: 'DriftStep', description: 'The number of differences between two points in time, by class' },
)
export const DriftSeries = Type.Object(
  { items: Type.Array(DriftStep) },
  { $id: 'DriftSeries', description: 'Where the differences of a period are' },
)
