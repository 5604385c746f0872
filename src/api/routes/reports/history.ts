import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { readReference } from '../../../domain/targets.ts'
import { findAnyTarget } from '../../../operations/targets/target.ts'
import { spanColumns } from '../../../report/listings/columns.ts'
import { eachPage, type PageRequest } from '../../../store/query/cursor-page.ts'
import type { ServerParts } from '../../context.ts'
import { setStreamEtag } from '../../http/etags.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { PeriodQuery, readPeriod } from '../../listing/period.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { closedObject, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { TargetParams } from '../targets/schemas.ts'
import { Span } from './schemas/history.ts'
import { SeriesQuery } from './schemas/series.ts'

const { policy, rule, vantage } = SeriesQuery

export const historyRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'version'>> = async (app, { version }) => {
  app.get(
    '/targets/:name/history',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getTargetHistory',
        tags: ['targets'],
        summary: 'Get the history of a target',
        description: 'The spans of a target that overlap the period, newest first; also of a retired target.',
        params: TargetParams,
        querystring: closedObject({ ...PeriodQuery, policy, rule, vantage, ...PageQuery, ...ListingQuery }),
        response: {
          200: listingContent(pageOf(Span), Span, spanColumns),
          ...unchanged,
          ...problems(404, 406, 409, 422),
        },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const target = await findAnyTarget(stores, readReference(request.params.name))
      const { from, to, cursor: _cursor, limit: _limit, format: _format, all: _all, ...names } = request.query
      const filter = { ...names, ...readPeriod({ from, to }) }
      const fetchPage = (page: PageRequest) => stores.history.spans(target.id, page, filter)
      if (wantsPage(request)) return linkNext(reply, request.url, await fetchPage(request.query))
      setStreamEtag(reply, target.id, await stores.history.extent(target.id), formatOf(request), version)
      return sendExport(reply, formatOf(request), {
        name: `history-${target.name}`,
        columns: spanColumns,
        pages: eachPage(fetchPage),
      })
    },
  )
}
