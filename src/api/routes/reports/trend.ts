import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { results } from '../../../domain/findings/judge.ts'
import type { Counts } from '../../../domain/findings/verdict.ts'
import { scoreOf } from '../../../domain/history/compliance.ts'
import { trendColumns } from '../../../report/listings/columns.ts'
import type { TrendGroup as Group } from '../../../store/history/trend.ts'
import { formatOf, listingContent, sendWhole } from '../../listing/listing.ts'
import { readPoints } from '../../listing/period.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { readStanding } from './compliance.ts'
import { TrendPoint, TrendQuery, TrendReport } from './schemas/trend.ts'

export const trendRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/trend',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getTrendReport',
        tags: ['reports'],
        summary: 'Get the trend report',
        description:
          'Compliance at points in time at equal distances, as `/v1/reports/compliance` has it at each. CSV and NDJSON have one row for each group and point.',
        querystring: TrendQuery,
        response: { 200: listingContent(TrendReport, TrendPoint, trendColumns), ...unchanged, ...problems(406, 422) },
      },
    },
    async (request, reply) => {
      const { now, stores } = request.view
      const { by, from, to, step, ...standing } = request.query
      const points = readPoints({ from, to, step }, now())
      const { filter } = readStanding(standing, now())
      const groups = await stores.trend.groups(points, by, filter)
      const at = points.map((point) => point.toISOString())
      const format = formatOf(request)
      if (format !== 'json')
        return sendWhole(reply, format, { name: 'trend', columns: trendColumns, items: groups.flatMap(rowsOf(at)) })
      const [first, last] = [points[0], points.at(-1)]
      const versions = first && last ? await stores.trend.versions(first, last, filter) : []
      return {
        at,
        items: groups.map((group) => ({
          ...group,
          score: at.map((_, point) => scoreOf(countsAt(group, point)).score),
        })),
        versions: versions.map(({ createdAt, ...version }) => ({ ...version, createdAt: createdAt.toISOString() })),
      }
    },
  )
}

const countsAt = (group: Group, point: number) =>
  Object.fromEntries(results.map((result) => [result, group[result][point] ?? 0])) as Counts

const rowsOf = (at: readonly string[]) => (group: Group) =>
  at.map((time, point) => ({
    at: time,
    policy: group.policy,
    group: group.group,
    ...scoreOf(countsAt(group, point)),
    waived: group.waived[point] ?? 0,
  }))
