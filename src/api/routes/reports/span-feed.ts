import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
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
import { closedObject, PageQuery, problems, unchanged } from '../../openapi/schemas.ts'
import { TargetName } from '../targets/schemas.ts'
import { Span } from './history.ts'

export const TargetSpan = Type.Object(
  { target: TargetName, ...Span.properties },
  { $id: 'TargetSpan', title: 'TargetSpan', description: 'A span, and the target whose it is' },
)

const text = Type.Optional(Type.String({ maxLength: 253 }))

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
          'A span is written when it begins and when it ends: then it comes again, with `to`. `updatedSince` goes by that, not by the times of observations, which an agent may deliver late. As a stream the answer says its `asOf` in the header `portwarden-as-of`.',
        querystring: closedObject({
          ...{ target: text, policy: text, rule: text, vantage: text },
          ...LabelQuery,
          ...RefreshQuery,
          ...PageQuery,
          ...ListingQuery,
        }),
        response: {
          200: listingContent(refreshedPageOf(TargetSpan), TargetSpan),
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const { label, target, policy, rule, vantage } = request.query
      const names = Object.entries({ target, policy, rule, vantage }).filter(([, name]) => name !== undefined)
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
