import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { findUnknown } from '../../../operations/findings/find-unknown.ts'
import { findUnknownTargets } from '../../../operations/findings/find-unknown-targets.ts'
import { unknownColumns, unknownTargetColumns } from '../../../report/listings/columns.ts'
import { aTime, cutPage, decodeCursor } from '../../../store/query/cursor-page.ts'
import { isEverything } from '../../../store/query/target-scope.ts'
import type { ServerParts } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, listingContent, sendWhole, wantsPage } from '../../listing/listing.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { readStanding } from './compliance.ts'
import {
  Unknown,
  UnknownQuery,
  UnknownReport,
  UnknownTarget,
  UnknownTargetPage,
  UnknownTargetQuery,
} from './schemas/unknown.ts'

export const unknownRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'scheduler'>> = async (app, { scheduler }) => {
  app.get(
    '/reports/unknown',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
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

  app.get(
    '/reports/unknown/targets',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'listUnknownTargets',
        tags: ['reports'],
        summary: 'List the targets of what is not known',
        description:
          'The names of all targets of a cause, of which `/v1/reports/unknown` has the first 20 of each rule, vantage and reason. In the order of their names.',
        querystring: UnknownTargetQuery,
        response: {
          200: listingContent(UnknownTargetPage, UnknownTarget, unknownTargetColumns),
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { stores, now } = request.view
      const { cause, rule, vantage, reason, limit, cursor } = request.query
      const [time, after] = decodeCursor(cursor, [aTime, '']) ?? []
      const { at, filter } = readStanding({ ...request.query, at: request.query.at ?? time }, now())
      const names = await findUnknownTargets(
        stores,
        { at, filter, nextTicks: scheduler.next },
        { cause, rule, vantage, reason },
      )
      const items = names.map((target) => ({ target }))
      const head = { at: at.toISOString() }
      if (wantsPage(request)) {
        const rest = after === undefined ? items : items.filter(({ target }) => target > after)
        const page = cutPage(rest, limit, { keyOf: ({ target }) => [head.at, target], toItem: (item) => item })
        return linkNext(reply, request.url, { ...head, ...page })
      }
      const format = formatOf(request)
      if (format === 'json') return { ...head, items, next: null }
      return sendWhole(reply, format, { name: 'unknown-targets', columns: unknownTargetColumns, items })
    },
  )
}
