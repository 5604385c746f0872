import { type Static, Type } from 'typebox'
import { causeTexts, unknownCauses } from '../../../../domain/history/unknown.ts'
import { ListingQuery } from '../../../listing/listing.ts'
import { Count, closedObject, nullable, PageQuery, pageOf, Reason, Timestamp } from '../../../openapi/schemas.ts'
import { TargetName } from '../../targets/schemas.ts'
import { StandingQuery } from './compliance.ts'
import { SeriesQuery, seriesFields } from './series.ts'

const Cause = Type.Enum([...unknownCauses], {
  description: unknownCauses
    .map((cause) => `- \`${cause}\`: ${causeTexts[cause].title}. ${causeTexts[cause].step}`)
    .join('\n'),
  examples: ['dns'],
})
const count = Count('Checks; of `never-audited` targets, of `missed-run` runs', 2)

export const Unknown = Type.Object(
  {
    cause: Cause,
    count,
    targets: Count('Targets that it is about', 2),
    policy: nullable(seriesFields.policy),
    rule: nullable(seriesFields.rule),
    vantage: nullable(seriesFields.vantage),
    zones: Type.Array(Type.String(), { description: 'Zones of the vantage, as they are now', examples: [['client']] }),
    schedule: nullable(Type.String(), { description: 'Name of the schedule', examples: [null] }),
    reason: nullable(Reason.properties.code, { description: 'Reason of the findings', examples: ['dns-unavailable'] }),
    message: nullable(Type.String(), {
      description: 'The reason as a sentence',
      examples: ['The name servers of the vantage did not respond.'],
    }),
    examples: Type.Array(Type.String(), {
      description: 'Names of targets, at most 20',
      examples: [['epp-01', 'epp-02']],
    }),
    since: nullable(Timestamp('Since when the oldest of it is so; of `stale` its last observation')),
  },
  { $id: 'Unknown', description: 'One thing that is not known; what does not apply is null' },
)

export const UnknownReport = Type.Object(
  {
    at: Timestamp('Point in time of the report', '12:00:00'),
    causes: Type.Array(
      Type.Object({
        cause: Cause,
        title: Type.String({ description: 'The cause in words', examples: ['Name not resolved'] }),
        step: Type.String({ description: 'What a person does next', examples: [causeTexts.dns.step] }),
        count,
        targets: Count('Targets that it is about', 2),
      }),
      { description: 'Every cause, also those that nothing has' },
    ),
    items: Type.Array(Unknown, { description: 'The parts of the causes, the largest of a cause first' }),
  },
  { $id: 'UnknownReport', description: 'What is not known at a point in time, and why' },
)
export type UnknownReport = Static<typeof UnknownReport>

export const UnknownQuery = closedObject(StandingQuery)

export const UnknownTarget = Type.Object(
  { target: TargetName },
  { $id: 'UnknownTarget', description: 'A target of which something is not known' },
)
export const UnknownTargetPage = Type.Object(
  { at: Timestamp('Point in time of the report', '12:00:00'), ...pageOf(UnknownTarget).properties },
  { $id: 'UnknownTargetPage', description: 'Targets of which something is not known' },
)
export const UnknownTargetQuery = closedObject({
  cause: Cause,
  rule: SeriesQuery.rule,
  vantage: SeriesQuery.vantage,
  reason: Type.Optional(
    Type.Enum(Reason.properties.code.enum, { description: 'Reason of the findings', examples: ['dns-unavailable'] }),
  ),
  ...StandingQuery,
  ...PageQuery,
  ...ListingQuery,
})
