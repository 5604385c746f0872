import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { Columns } from '../../../encoding/csv.ts'
import type { Absence as StoredAbsence } from '../../../store/inventory/vantages.ts'
import { eachPage, type PageRequest } from '../../../store/query/cursor-page.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { PeriodQuery, readPeriod } from '../../listing/period.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Absence } from './schemas.ts'

const columns: Columns<Static<typeof Absence>> = {
  vantage: (item) => item.vantage,
  from: (item) => item.from,
  to: (item) => item.to,
}

export const absenceRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/absences',
    {
      config: { scope: ['reports:read', 'audits:run'] },
      schema: {
        operationId: 'listAbsences',
        tags: ['vantages'],
        summary: 'List when vantages were absent',
        description:
          'The times within a period in which vantages sent no heartbeat, newest first. Kept as long as findings; a vantage that was never seen is not among them.',
        querystring: closedObject({
          ...PeriodQuery,
          vantage: Type.Optional(
            Type.String({ maxLength: 100, description: 'Name of the vantage', examples: ['branch-office'] }),
          ),
          ...PageQuery,
          ...ListingQuery,
        }),
        response: { 200: listingContent(pageOf(Absence), Absence, columns), ...problems(406, 422) },
      },
    },
    async (request, reply) => {
      const { from, to, vantage } = request.query
      const filter = { ...readPeriod({ from, to }), ...(vantage === undefined ? {} : { vantage }) }
      const fetchPage = async (page: PageRequest) => {
        const { items, next } = await request.view.stores.vantages.absences({ ...filter, ...page })
        return { items: items.map(show), next }
      }
      if (wantsPage(request)) return linkNext(reply, request.url, await fetchPage(request.query))
      return sendExport(reply, formatOf(request), { name: 'absences', columns, pages: eachPage(fetchPage) })
    },
  )
}

const show = ({ vantage, from, to }: StoredAbsence) => ({
  vantage,
  from: from.toISOString(),
  to: to?.toISOString() ?? null,
})
