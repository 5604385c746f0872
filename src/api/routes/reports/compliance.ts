import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { compareKeys, groupOrders, orderKey, scoreOf } from '../../../domain/history/compliance.ts'
import { onTimeMs } from '../../../domain/schedules.ts'
import { complianceColumns } from '../../../report/listings/columns.ts'
import { type ComplianceGroup, type Grouping, groupings } from '../../../store/history/compliance.ts'
import { aTime, cutPage, decodeCursor } from '../../../store/query/cursor-page.ts'
import { labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, listingContent, sendWhole, wantsPage } from '../../listing/listing.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { closedObject, PageQuery } from '../../openapi/schemas.ts'
import { ComplianceItem, ComplianceReport, StandingQuery } from './schemas/compliance.ts'

const missedRunsMs = 30 * 86_400_000
/** The point in time and the filter of the store for a query. */
export const readStanding = (
  { at, label, policy, target, externalId }: Static<Type.TObject<typeof StandingQuery>>,
  now: Date,
) => ({
  at: at === undefined ? now : new Date(at),
  filter: {
    ...(policy === undefined ? {} : { policy }),
    ...(target === undefined ? {} : { target }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(label.length > 0 ? { labels: labelsOf(label) } : {}),
  },
})

export const complianceRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/compliance',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
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
          order: Type.Enum([...groupOrders], {
            default: 'name',
            description:
              '`worst`: most failing findings without a waiver first, then most without a conclusion. `name`: by policy, group and severity',
          }),
          limit: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 1000,
              description: 'With JSON: largest number of items; default: all',
              examples: [100],
            }),
          ),
          cursor: PageQuery.cursor,
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
      const { by, order, limit, cursor } = request.query
      const format = wantsPage(request) ? 'json' : formatOf(request)
      const [time, ...after] = decodeCursor(cursor, cursorShapes[order]) ?? []
      const { at, filter } = readStanding({ ...request.query, at: request.query.at ?? (cursor && String(time)) }, now)
      const groups = await stores.compliance.groups(at, groupingOf(by), filter)
      const keyed = groups.map((group) => ({ key: orderKey(group, order), item: showGroup(group) }))
      const sorted = keyed.toSorted((a, b) => compareKeys(a.key, b.key))
      const items = sorted.map(({ item }) => item)
      if (format === 'json') {
        const rest = cursor === undefined ? sorted : sorted.filter(({ key }) => compareKeys(key, after) > 0)
        const page = cutPage(rest, limit ?? rest.length, {
          keyOf: ({ key }) => [at.toISOString(), ...key],
          toItem: ({ item }) => item,
        })
        const overdueAt = new Date(now.getTime() - onTimeMs)
        const period = { from: new Date(at.getTime() - missedRunsMs), to: at, overdueAt }
        const { total, newest } = await stores.schedules.missedRuns(period, filter.policy)
        const missed = { missedRuns: newest, missedRunsTotal: total }
        return linkNext(reply, request.url, { at: at.toISOString(), ...page, ...missed })
      }
      return sendWhole(reply, format, { name: 'compliance', columns: complianceColumns, items })
    },
  )
}

/** The point in time of the first page, and the key of the last group of a page. */
const cursorShapes = { name: [aTime, '', '', ''], worst: [aTime, 0, 0, '', '', ''] }

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
