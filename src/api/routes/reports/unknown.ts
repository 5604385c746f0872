import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { findUnknown } from '../../../operations/findings/find-unknown.ts'
import { unknownColumns } from '../../../report/listings/columns.ts'
import { isEverything } from '../../../store/query/target-scope.ts'
import type { ServerParts } from '../../context.ts'
import { formatOf, listingContent, sendWhole } from '../../listing/listing.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { readStanding } from './compliance.ts'
import { Unknown, UnknownQuery, UnknownReport } from './schemas/unknown.ts'

export const unknownRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'scheduler'>> = async (app, { scheduler }) => {
  app.get(
    '/reports/unknown',
    {
      config: { scope: 'reports:read', limited: true, etag: true },
      schema: {
        operationId: 'getUnknownReport',
        tags: ['reports'],
        summary: 'Get what is not known',
        description:
          'What is not known at a point in time, by cause: findings that are unknown, error or not checked, findings that no audit repeated in time, targets that no audit included, runs of schedules without an audit, and absent vantages. CSV and NDJSON have the items. Absent vantages without findings are left out for keys that are limited to targets.',
        querystring: UnknownQuery,
        response: { 200: listingContent(UnknownReport, Unknown, unknownColumns), ...unchanged, ...problems(406) },
      },
    },
    async (request, reply) => {
      const { stores, now } = request.view
      const { at, filter } = readStanding(request.query, now())
      const { causes, items } = await findUnknown(stores, {
        ...{ at, filter, now: now(), nextTicks: scheduler.next },
        withVantages: isEverything(request.caller.targetScope),
      })
      const format = formatOf(request)
      if (format === 'json') return { at: at.toISOString(), causes, items }
      return sendWhole(reply, format, { name: 'unknown', columns: unknownColumns, items })
    },
  )
}
