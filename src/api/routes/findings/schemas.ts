import { type Static, Type } from 'typebox'
import { waiverStates } from '../../../domain/exceptions/waivers.ts'
import { windowStates } from '../../../domain/exceptions/windows.ts'
import type { Evidence } from '../../../domain/findings/evidence.ts'
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
  Result,
  State,
  TimeInput,
  Timestamp,
  Uuid,
} from '../../openapi/schemas.ts'
import { Evidence as EvidenceSchema } from '../audits/findings.ts'
import { Span } from '../reports/schemas/history.ts'
import { SeriesQuery, seriesFields } from '../reports/schemas/series.ts'
import { Labels, TargetName } from '../targets/schemas.ts'
import { ShownTrace } from '../traces/schemas.ts'
import { DescribedTarget, describedRule } from './described.ts'

const { fingerprint: _, policy: __, rule: ___, vantage: ____, evidence: _____, ...historyOf } = Span.properties

/** Typed by hand: inferring the facts of all protocols takes the compiler a minute. */
const evidence = nullable(Type.Unsafe<Evidence>(EvidenceSchema), {
  description: 'The facts that were observed; null if nothing was dialled',
})

export const Severity = Type.Enum([...severities], {
  description: 'Severity of the rule in the newest policy version at that time',
  examples: ['high'],
})

export const Expected = Type.Object(
  {
    host: Type.String({ description: 'The host that the rule is about', examples: ['10.20.0.11'] }),
    port: Type.Integer({ description: 'The port; of a set the first', examples: [22] }),
    ports: Type.Optional(Type.Array(Type.String(), { description: 'The set of ports of the rule' })),
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
    audit: Uuid('Id of the audit that found it so first'),
    target: TargetName,
    ...DescribedTarget,
    ...seriesFields,
    policyVersion: nullable(Type.Integer(), {
      description: 'Newest version of the policy at that time; null before the first',
      examples: [1],
    }),
    ...describedRule('the newest policy version at that time'),
    zones: Type.Array(Type.String(), { description: 'Zones of the vantage, as they are now', examples: [['client']] }),
    ...Judged,
    evidence,
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

const ruleText = (description: string) => nullable(Type.String(), { description, examples: [null] })

export const FindingDetail = Type.Object(
  {
    at: Timestamp('Point in time', '12:00:00'),
    fingerprint: Fingerprint,
    target: Type.Object({
      name: TargetName,
      address: Type.String({ description: 'Its present address', examples: ['10.20.0.11'] }),
      labels: Labels,
    }),
    policy: Type.Object({
      name: seriesFields.policy,
      version: nullable(Type.Integer(), {
        description: 'Newest version at that time; null before the first',
        examples: [1],
      }),
    }),
    rule: Type.Object(
      {
        id: seriesFields.rule,
        title: ruleText('Title of the rule'),
        severity: nullable(Severity),
        direction: ruleText('`inbound` or `outbound`, from the target'),
        from: Type.Array(Type.String(), {
          description: 'Zones that the rule must be seen from',
          examples: [['client']],
        }),
        probe: ruleText('How it is probed'),
        rationale: ruleText('Why the rule exists'),
        remediation: ruleText('What a person can do'),
        controls: Type.Array(
          Type.Object({
            control: Type.String({ description: 'FRAMEWORK:CONTROL', examples: ['PCI-DSS-4.0.1:1.2.5'] }),
            title: ruleText('Short title; null if the control is not known to Portwarden'),
          }),
          { description: 'Controls that the rule serves' },
        ),
      },
      { description: 'The rule in that version; all null if that version has no such rule' },
    ),
    vantage: seriesFields.vantage,
    zones: CurrentFinding.properties.zones,
    current: nullable(CurrentFinding, { description: 'What was true at that time; null if nothing was' }),
    trace: nullable(Type.Object(ShownTrace), {
      description: 'The newest path that was measured to the blocked port since it is so; null without one',
      examples: [null],
    }),
    spans: Type.Array(Type.Object({ ...historyOf, evidence }), { description: 'The newest 100 spans, newest first' }),
    windows: Type.Array(
      Type.Object({
        id: Uuid('Id of the window', '0002'),
        state: Type.Enum([...windowStates], { description: 'State at that time', examples: ['closed'] }),
        ticket: Type.String({ description: 'Its ticket', examples: ['CHG0030001'] }),
        reason: Type.String({ description: 'Why it was requested', examples: ['Vendor support'] }),
        from: Timestamp('When it starts'),
        to: Timestamp('When it ends', '04:00:00'),
      }),
      { description: 'The newest 20 windows for rule and target' },
    ),
    waivers: Type.Array(
      Type.Object({
        id: Uuid('Id of the waiver', '0003'),
        state: Type.Enum([...waiverStates], { description: 'State at that time', examples: ['active'] }),
        reason: Type.String({ description: 'Why it was requested', examples: ['Vendor support'] }),
        expiresAt: Timestamp('When it ends'),
      }),
      { description: 'The newest 20 waivers for rule and target' },
    ),
    audits: Type.Array(
      Type.Object({
        id: Uuid('Id of the audit'),
        trigger: Type.String({ description: 'What created the audit', examples: ['schedule:nightly'] }),
        correlationId: nullable(Type.String(), { description: 'Reference of the caller', examples: ['CHG0030001'] }),
        observedAt: Timestamp('When the audit observed it', '02:00:03'),
        result: Result,
        state: State,
      }),
      { description: 'The newest 20 audits with a finding' },
    ),
  },
  { $id: 'FindingDetail', description: 'A finding with all that explains it' },
)
export type FindingDetail = Static<typeof FindingDetail>

export const FindingQuery = closedObject(PointInTimeQuery)
export const FindingParams = closedObject({ fingerprint: { ...Fingerprint, maxLength: 36 } })

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
  externalId: SeriesQuery.externalId,
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
