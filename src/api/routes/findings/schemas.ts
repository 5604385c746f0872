import { type Static, Type } from 'typebox'
import { facetNames } from '../../../domain/findings/facets.ts'
import { results } from '../../../domain/findings/judge.ts'
import { reasonCodes } from '../../../domain/findings/reasons.ts'
import { nameSchema, severities, Zone } from '../../../domain/policy/policy.ts'
import { LabelQuery } from '../../listing/labels.ts'
import { ListingQuery } from '../../listing/listing.ts'
import { PointInTimeQuery } from '../../listing/point-in-time.ts'
import { TextQuery } from '../../listing/text.ts'
import {
  Count,
  closedObject,
  Fingerprint,
  Judged,
  nullable,
  PageQuery,
  pageOf,
  TimeInput,
  Timestamp,
  Uuid,
} from '../../openapi/schemas.ts'
import { Evidence } from '../audits/findings.ts'
import { SeriesQuery, seriesFields } from '../reports/schemas/series.ts'
import { TargetName } from '../targets/schemas.ts'

export const Severity = Type.Enum([...severities], {
  description: 'Severity of the rule in the newest policy version at that time',
  examples: ['high'],
})

export const Expected = Type.Object(
  {
    host: Type.String({ description: 'The host that the rule is about', examples: ['10.20.0.11'] }),
    port: Type.Integer({ description: 'The port', examples: [22] }),
    expect: Type.Unsafe<object>({
      type: 'object',
      additionalProperties: true,
      description: 'What must hold, with the values of parameters; without references to credentials',
      examples: [{ state: ['closed', 'filtered'] }],
    }),
  },
  { $id: 'Expected', description: 'What a rule demands of one target' },
)

export const CurrentFinding = Type.Object(
  {
    fingerprint: Fingerprint,
    target: TargetName,
    ...seriesFields,
    title: nullable(Type.String(), {
      description: 'Title of the rule; null if the newest policy version at that time has no such rule',
      examples: ['SSH is not reachable from client networks'],
    }),
    severity: nullable(Severity),
    zones: Type.Array(Type.String(), { description: 'Zones of the vantage, as they are now', examples: [['client']] }),
    ...Judged,
    evidence: nullable(Evidence, { description: 'The facts that were observed; null if nothing was dialled' }),
    expected: nullable(Expected, {
      description:
        'What the rule demands, with the present parameters of the target and those of the audit that found it; null if it does not apply',
    }),
    since: Timestamp('Since when it is so'),
    lastConfirmed: Timestamp('The newest observation that found it so', '02:00:03'),
    waiver: nullable(Type.Object({ id: Uuid('Id of the waiver', '0003'), expiresAt: Timestamp('When it ends') }), {
      description: 'The waiver that accepts the failure at that time',
      examples: [null],
    }),
    window: nullable(Uuid('Id of a window', '0002'), {
      description: 'The window that is open for rule and target at that time',
      examples: [null],
    }),
  },
  { $id: 'CurrentFinding', description: 'What is true of one rule for one target from one vantage at a point in time' },
)
export type CurrentFinding = Static<typeof CurrentFinding>

const FacetCounts = Type.Array(
  Type.Object({
    value: Type.String({ description: 'A value', examples: ['high'] }),
    count: Count('Findings with it', 1),
  }),
  { description: 'Values with the number of findings, most first' },
)
const Facets = Type.Object(
  Object.fromEntries(facetNames.map((name) => [name, FacetCounts])) as Record<
    (typeof facetNames)[number],
    typeof FacetCounts
  >,
  { description: 'For each filter, the findings that its values would select beside all other filters' },
)

export const CurrentFindings = Type.Object(
  {
    at: Timestamp('Point in time', '12:00:00'),
    total: Type.Optional(Count('Findings on all pages; with `facets`', 1)),
    facets: Type.Optional(Facets),
    ...pageOf(CurrentFinding).properties,
  },
  { $id: 'CurrentFindings', description: 'Findings across audits at a point in time' },
)
export type CurrentFindings = Static<typeof CurrentFindings>

const Choice = <S extends Parameters<typeof Type.Array>[0]>(value: S, what: string) =>
  Type.Array(value, { default: [], maxItems: 100, description: `${what}; repeat it to select several` })

export const CurrentFindingsQuery = closedObject({
  ...PointInTimeQuery,
  result: Choice(Type.Enum([...results]), 'A result'),
  severity: Choice(Type.Enum([...severities]), 'A severity'),
  policy: Choice(nameSchema('Name of a policy', 'netwrix-endpoint-protector'), 'Name of a policy'),
  rule: Choice(nameSchema('Id of a rule'), 'Id of a rule'),
  vantage: Choice(Type.String({ maxLength: 253, examples: ['local'] }), 'Name of a vantage'),
  zone: Choice(Zone, 'A zone of the vantage'),
  reason: Choice(Type.Enum(reasonCodes), 'A reason code'),
  target: SeriesQuery.target,
  ...LabelQuery,
  ...TextQuery,
  waived: Type.Optional(Type.Boolean({ description: 'Whether a waiver accepts the failure', examples: [false] })),
  changedSince: Type.Optional(TimeInput('Only findings that are so since this time or later')),
  order: Type.Optional(
    Type.Enum(['worst', 'newest', 'target'], {
      description:
        '`worst`: failures without a waiver, errors, unknown, not checked, waived failures, passes; in each the most severe first, then the newest. `newest`: the last change first. `target`: by target, policy, rule and vantage. Default: `worst` for pages, a stable order for whole listings',
      examples: ['worst'],
    }),
  ),
  facets: Type.Boolean({ default: false, description: 'Adds `facets` and `total` to a page', examples: [true] }),
  ...PageQuery,
  ...ListingQuery,
})
