import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { changeColumns } from '../../../report/listings/columns.ts'
import { eachPage } from '../../../store/query/cursor-page.ts'
import { LabelQuery, labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import {
  fetchRefreshed,
  type RefreshedPage,
  RefreshQuery,
  refreshedPageOf,
  refreshedStream,
} from '../../listing/updated-since.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { closedObject, PageQuery } from '../../openapi/schemas.ts'
import { TargetSpan } from './schemas/history.ts'
import { SeriesQuery } from './schemas/series.ts'

export const changeRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/history',
    {
      config: { scope: 'reports:read', limited: true, etag: true },
      schema: {
        operationId: 'getHistoryReport',
        tags: ['reports'],
        summary: 'Get the history report',
        description:
          'The spans of all targets in the order in which they were written. A span is written when it starts and again, with `to`, when it ends; `updatedSince` refers to these times, not to observation times, because agents can deliver late. A stream returns its `asOf` in the header `portwarden-as-of`.',
        querystring: closedObject({
          ...SeriesQuery,
          ...LabelQuery,
          ...RefreshQuery,
          ...PageQuery,
          ...ListingQuery,
        }),
        response: {
          200: listingContent(refreshedPageOf(TargetSpan), TargetSpan, changeColumns),
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const { label, target, externalId, policy, rule, vantage } = request.query
      const names = Object.entries({ target, externalId, policy, rule, vantage }).filter(
        ([, name]) => name !== undefined,
      )
      const filter = { ...Object.fromEntries(names), ...(label.length > 0 ? { labels: labelsOf(label) } : {}) }
      const fetchPage = (page: RefreshedPage) => stores.history.changes(filter, page)
      if (wantsPage(request))
        return linkNext(reply, request.url, await fetchRefreshed(stores, request.query, fetchPage))
      const { head, ...since } = await refreshedStream(reply, stores, request.query)
      const pages = eachPage((page) => fetchPage({ ...since, ...page }))
      return sendExport(reply, formatOf(request), { name: 'history', columns: changeColumns, pages, head })
    },
  )
}
