import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Columns } from '../../../encoding/csv.ts'
import type { LabelCount } from '../../../store/inventory/targets.ts'
import { eachPage, type PageRequest } from '../../../store/query/cursor-page.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { closedObject, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Label } from './schemas.ts'

const columns: Columns<LabelCount> = {
  key: (item) => item.key,
  value: (item) => item.value,
  targets: (item) => item.targets,
}

export const labelRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/labels',
    {
      config: { scope: ['reports:read', 'audits:run', 'targets:write'], limited: true, etag: true },
      schema: {
        operationId: 'listLabels',
        tags: ['targets'],
        summary: 'List labels',
        description: 'The labels that targets have, by key and value; retired targets do not count.',
        querystring: closedObject({
          key: Type.Optional(Type.String({ maxLength: 100, description: 'Name of the label', examples: ['site'] })),
          ...PageQuery,
          ...ListingQuery,
        }),
        response: { 200: listingContent(pageOf(Label), Label, columns), ...unchanged, ...problems(406) },
      },
    },
    async (request, reply) => {
      const { key } = request.query
      const filter = key === undefined ? {} : { key }
      const fetchPage = (page: PageRequest) => request.view.stores.targets.labels({ ...page, ...filter })
      if (wantsPage(request)) return linkNext(reply, request.url, await fetchPage(request.query))
      return sendExport(reply, formatOf(request), { name: 'labels', columns, pages: eachPage(fetchPage) })
    },
  )
}
