import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { facetsOf } from '../../../domain/findings/facets.ts'
import { describeCurrent } from '../../../operations/findings/describe-current.ts'
import { findFinding } from '../../../operations/findings/find.ts'
import { currentFindingColumns } from '../../../report/listings/columns.ts'
import type { CurrentFilter, CurrentOrder } from '../../../store/history/current-findings.ts'
import { eachPage, type PageRequest } from '../../../store/query/cursor-page.ts'
import type { ServerParts } from '../../context.ts'
import { labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { fetchAt } from '../../listing/point-in-time.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import {
  CurrentFinding,
  CurrentFindings,
  CurrentFindingsQuery,
  FindingDetail,
  FindingParams,
  FindingQuery,
} from './schemas.ts'

export const currentFindingRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'pages'>> = async (
  app,
  { pages: urls },
) => {
  app.get(
    '/findings',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'listCurrentFindings',
        tags: ['findings'],
        summary: 'List findings across audits',
        description:
          'What is true of every rule for every target from every vantage at a point in time, across audits. Retired targets are included for times before they were retired.',
        querystring: CurrentFindingsQuery,
        response: {
          200: listingContent(CurrentFindings, CurrentFinding, currentFindingColumns),
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { query, url, view } = request
      const { stores } = view
      const filter = filterOf(query)
      const fetchPage = (order: CurrentOrder) => async (at: Date, page: PageRequest) => {
        const { items, next } = await stores.currentFindings.list(at, filter, { ...page, order })
        return { items: await describeCurrent(stores, at, items, urls), next }
      }
      if (!wantsPage(request)) {
        const at = query.at === undefined ? view.now() : new Date(query.at)
        const fetch = fetchPage(query.order ?? 'stored')
        const pages = eachPage((page) => fetch(at, page))
        const head = { at: at.toISOString() }
        return sendExport(reply, formatOf(request), { name: 'findings', columns: currentFindingColumns, pages, head })
      }
      const page = await fetchAt(query, view.now(), fetchPage(query.order ?? 'worst'))
      if (!query.facets) return linkNext(reply, url, page)
      const { choice, ...targets } = filter
      const { total, facets } = facetsOf(await stores.currentFindings.tally(new Date(page.at), targets), choice)
      return linkNext(reply, url, { at: page.at, total, facets, items: page.items, next: page.next })
    },
  )

  app.get(
    '/findings/:fingerprint',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getFinding',
        tags: ['findings'],
        summary: 'Get a finding by its fingerprint',
        description:
          'The rule, what it expects of this target, what was true at a point in time, its history, and the windows, waivers and audits of it.',
        params: FindingParams,
        querystring: FindingQuery,
        response: {
          200: { description: 'The finding', content: { 'application/json': { schema: FindingDetail as object } } },
          ...unchanged,
          ...problems(404),
        },
      },
    },
    async ({ params, query, view }) =>
      findFinding(view.stores, params.fingerprint, query.at === undefined ? view.now() : new Date(query.at), urls),
  )
}

function filterOf(query: Static<typeof CurrentFindingsQuery>): CurrentFilter {
  const { result, severity, policy, rule, vantage, zone, reason, waived, target, externalId, label, q, changedSince } =
    query
  return {
    choice: {
      ...{ result, severity, policy, rule, vantage, zone, reason },
      ...(waived === undefined ? {} : { waived: [String(waived)] }),
    },
    ...(target === undefined ? {} : { target }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(label.length > 0 ? { labels: labelsOf(label) } : {}),
    ...(q === undefined ? {} : { text: q }),
    ...(changedSince === undefined ? {} : { changedSince: new Date(changedSince) }),
  }
}
