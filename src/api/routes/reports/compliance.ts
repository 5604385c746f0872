import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { scoreOf } from '../../../domain/history/compliance.ts'
import { severities } from '../../../domain/policy/policy.ts'
import { onTimeMs, runOutcomes } from '../../../domain/schedules.ts'
import { complianceColumns } from '../../../report/listings/columns.ts'
import type { ComplianceGroup, Grouping } from '../../../store/history/compliance.ts'
import { LabelQuery, labelsOf } from '../../listing/labels.ts'
import { FormatQuery, formatOf, listingContent, sendWhole } from '../../listing/listing.ts'
import { Counts, Coverage, closedObject, nullable, problems, Timestamp, unchanged } from '../../openapi/schemas.ts'

const missedRunsMs = 30 * 86_400_000
const observation = nullable(Type.String({ format: 'date-time' }))

/** How a group of findings stands. */
export const Standing = {
  counts: Counts,
  waived: Type.Integer({ minimum: 0, description: 'So many of those that fail are accepted by a waiver' }),
  coverage: Coverage,
  score: nullable(
    Type.Number({ minimum: 0, maximum: 1, description: 'Passes among all that was checked; null where nothing was' }),
  ),
  oldestObservation: observation,
  newestObservation: observation,
}

export const ComplianceItem = Type.Object(
  {
    policy: Type.String(),
    severity: nullable(
      Type.Enum([...severities], { description: 'Of the rule, in the newest version of the policy at that moment' }),
    ),
    group: Type.String({
      description: 'The rule, the target, or the value of the label; empty where a target has no such label',
    }),
    ...Standing,
  },
  { $id: 'ComplianceItem', title: 'ComplianceItem' },
)

export const ComplianceReport = Type.Object(
  {
    at: Timestamp,
    items: Type.Array(ComplianceItem),
    missedRuns: Type.Array(
      Type.Object({
        schedule: Type.String(),
        policy: Type.String(),
        dueAt: Timestamp,
        outcome: Type.Enum([...runOutcomes]),
        reason: nullable(Type.String({ description: 'Why there was no audit, where that is known' })),
      }),
      {
        description: 'Ticks of schedules that had no audit, in the 30 days before that moment; of very many the newest',
      },
    ),
    missedRunsTotal: Type.Integer({ minimum: 0, description: 'How many there are' }),
  },
  { $id: 'ComplianceReport', title: 'ComplianceReport', description: 'What was compliant at a moment' },
)

/** What a report of a moment is about, and its form. */
export const StandingQuery = {
  at: Type.Optional(Type.String({ format: 'date-time', description: 'Default: now' })),
  policy: Type.Optional(Type.String({ maxLength: 100 })),
  target: Type.Optional(Type.String({ maxLength: 253 })),
  ...LabelQuery,
  ...FormatQuery,
}

/** The moment, and the filter of the store, that such a query names. */
export const readStanding = ({ at, label, policy, target }: Static<Type.TObject<typeof StandingQuery>>) => ({
  at: at === undefined ? new Date() : new Date(at),
  filter: {
    ...(policy === undefined ? {} : { policy }),
    ...(target === undefined ? {} : { target }),
    ...(label.length > 0 ? { labels: labelsOf(label) } : {}),
  },
})

export const complianceRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/compliance',
    {
      config: { scope: 'reports:read', limited: true, etag: true },
      schema: {
        operationId: 'getComplianceReport',
        tags: ['reports'],
        summary: 'Get the compliance report',
        description: 'Counts and scores by policy, severity, and rule, target or the values of a label.',
        querystring: closedObject({
          by: Type.String({
            pattern: '^(rule|target|label:.{1,100})$',
            default: 'rule',
            description: '`rule`, `target`, or `label:KEY`',
          }),
          ...StandingQuery,
        }),
        response: { 200: listingContent(ComplianceReport, ComplianceItem), ...unchanged, ...problems(406) },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const { at, filter } = readStanding(request.query)
      const items = (await stores.compliance.groups(at, groupingOf(request.query.by), filter)).map(showGroup)
      const format = formatOf(request)
      if (format === 'json') {
        const overdueAt = new Date(Date.now() - onTimeMs)
        const period = { from: new Date(at.getTime() - missedRunsMs), to: at, overdueAt }
        const { total, newest } = await stores.schedules.missedRuns(period, filter.policy)
        return { at: at.toISOString(), items, missedRuns: newest, missedRunsTotal: total }
      }
      return sendWhole(reply, format, { name: 'compliance', columns: complianceColumns, items })
    },
  )
}

const groupingOf = (by: string): Grouping =>
  by === 'rule' || by === 'target' ? { by } : { by: 'label', key: by.slice('label:'.length) }

export const showGroup = ({ oldestObservation, newestObservation, counts, ...group }: ComplianceGroup) => ({
  ...group,
  ...scoreOf(counts),
  oldestObservation: oldestObservation?.toISOString() ?? null,
  newestObservation: newestObservation?.toISOString() ?? null,
})
