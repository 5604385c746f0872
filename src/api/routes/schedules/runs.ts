import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { inTimeZone, onTimeMs, runOutcomes } from '../../../domain/schedules.ts'
import type { Columns } from '../../../encoding/csv.ts'
import type { Run as StoredRun } from '../../../store/inventory/schedules.ts'
import { eachPage, type PageRequest } from '../../../store/query/cursor-page.ts'
import type { ServerParts } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { PeriodQuery, readPeriod } from '../../listing/period.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Run, TickPreview, Ticks } from './schemas.ts'

const columns: Columns<Static<typeof Run>> = {
  dueAt: (item) => item.dueAt,
  schedule: (item) => item.schedule,
  policy: (item) => item.policy,
  outcome: (item) => item.outcome,
  reason: (item) => item.reason,
  audit: (item) => item.audit,
  decidedAt: (item) => item.decidedAt,
}

export const runRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'scheduler'>> = async (app, { scheduler }) => {
  app.get(
    '/runs',
    {
      config: { scope: ['reports:read', 'audits:run'], limited: true },
      schema: {
        operationId: 'listRuns',
        tags: ['schedules'],
        summary: 'List the runs of all schedules',
        description: 'The outcomes of the ticks of all schedules, deleted ones included, newest first.',
        querystring: closedObject({
          ...PeriodQuery,
          schedule: Type.Optional(
            Type.String({ maxLength: 100, description: 'Name of the schedule', examples: ['nightly'] }),
          ),
          outcome: Type.Optional(Type.Enum([...runOutcomes], { description: 'What the tick led to' })),
          ...PageQuery,
          ...ListingQuery,
        }),
        response: { 200: listingContent(pageOf(Run), Run, columns), ...problems(406, 422) },
      },
    },
    async (request, reply) => {
      const { from, to, schedule, outcome } = request.query
      const { stores, now } = request.view
      const filter = {
        ...readPeriod({ from, to }),
        ...(schedule === undefined ? {} : { schedule }),
        ...(outcome === undefined ? {} : { outcome }),
        overdueAt: new Date(now().getTime() - onTimeMs),
      }
      const fetchPage = async (page: PageRequest) => {
        const { items, next } = await stores.schedules.allRuns({ ...filter, ...page })
        return { items: items.map(show), next }
      }
      if (wantsPage(request)) return linkNext(reply, request.url, await fetchPage(request.query))
      return sendExport(reply, formatOf(request), { name: 'runs', columns, pages: eachPage(fetchPage) })
    },
  )

  app.post(
    '/schedules/preview',
    {
      config: { scope: ['reports:read', 'audits:run'], limited: true },
      schema: {
        operationId: 'previewSchedule',
        tags: ['schedules'],
        summary: 'Preview the ticks of a schedule',
        description: 'The next ticks of a cron expression in a time zone; stores nothing.',
        body: TickPreview,
        response: { 200: Ticks, ...problems(413, 415, 422) },
      },
    },
    async ({ body }) => ({
      ticks: scheduler.preview(body).map((at) => ({ at: at.toISOString(), local: inTimeZone(at, body.timeZone) })),
    }),
  )
}

const show = ({ dueAt, decidedAt, auditId, ...run }: StoredRun) => ({
  ...run,
  dueAt: dueAt.toISOString(),
  audit: auditId,
  decidedAt: decidedAt?.toISOString() ?? null,
})
