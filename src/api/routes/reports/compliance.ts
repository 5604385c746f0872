import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { scoreOf } from '../../../domain/history/compliance.ts'
import { onTimeMs } from '../../../domain/schedules.ts'
import { complianceColumns } from '../../../report/listings/columns.ts'
import { type ComplianceGroup, type Grouping, groupings } from '../../../store/history/compliance.ts'
import { labelsOf } from '../../listing/labels.ts'
import { formatOf, listingContent, sendWhole } from '../../listing/listing.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { closedObject } from '../../openapi/schemas.ts'
import { ComplianceItem, ComplianceReport, StandingQuery } from './schemas/compliance.ts'

const missedRunsMs = 30 * 86_400_000
/** The point in time and the filter of the store for a query. */
export const readStanding = ({ at, label, policy, target }: Static<Type.TObject<typeof StandingQuery>>, now: Date) => ({
  at: at === undefined ? now : new Date(at),
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
        description:
          'Counts and scores at a point in time, by policy, severity, and what `by` names; by `policy`, all severities are one group.',
        querystring: closedObject({
          by: Type.String({
            pattern: `^(${groupings.join('|')}|label:.{1,100})$`,
            maxLength: 106,
            default: 'rule',
            description: `What to group by: ${groupings.map((by) => `\`${by}\``).join(', ')}, or \`label:KEY\`. By \`zone\`, a finding counts in every zone that its rule names and its vantage is in`,
          }),
          ...StandingQuery,
        }),
        response: {
          200: listingContent(ComplianceReport, ComplianceItem, complianceColumns),
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const now = request.view.now()
      const { at, filter } = readStanding(request.query, now)
      const items = (await stores.compliance.groups(at, groupingOf(request.query.by), filter)).map(showGroup)
      const format = formatOf(request)
      if (format === 'json') {
        const overdueAt = new Date(now.getTime() - onTimeMs)
        const period = { from: new Date(at.getTime() - missedRunsMs), to: at, overdueAt }
        const { total, newest } = await stores.schedules.missedRuns(period, filter.policy)
        return { at: at.toISOString(), items, missedRuns: newest, missedRunsTotal: total }
      }
      return sendWhole(reply, format, { name: 'compliance', columns: complianceColumns, items })
    },
  )
}

function groupingOf(by: string): Grouping {
  const known = groupings.find((one) => one === by)
  return known ? { by: known } : { by: 'label', key: by.slice('label:'.length) }
}

export const showGroup = ({ oldestObservation, newestObservation, counts, ...group }: ComplianceGroup) => ({
  ...group,
  ...scoreOf(counts),
  oldestObservation: oldestObservation?.toISOString() ?? null,
  newestObservation: newestObservation?.toISOString() ?? null,
})
