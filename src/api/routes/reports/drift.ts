import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RefusedError } from '../../../domain/errors.ts'
import { driftColumns } from '../../../report/listings/columns.ts'
import type { DriftFilter, PointInTime } from '../../../store/history/drift.ts'
import { eachPage } from '../../../store/query/cursor-page.ts'
import type { View } from '../../context.ts'
import { labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { plusIssue, readTime } from '../../listing/rfc3339.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { DriftItem, DriftQuery, DriftReport } from './schemas/drift.ts'

export const driftRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/drift',
    {
      config: { scope: 'reports:read', limited: true, etag: true },
      schema: {
        operationId: 'getDriftReport',
        tags: ['reports'],
        summary: 'Get the drift report',
        description:
          'Compares two points in time. For two audits it compares exactly their findings, for two times the outcome of every series known then. The order of the items is stable; those of one target follow each other.',
        querystring: DriftQuery,
        response: { 200: listingContent(DriftReport, DriftItem, driftColumns), ...unchanged, ...problems(406, 422) },
      },
    },
    async (request, reply) => {
      const { from: fromText, to: toText, label, cursor, limit, format: _format, all: _all, ...filter } = request.query
      const from = await readPointInTime(request.view, 'from', fromText)
      const to = await readPointInTime(request.view, 'to', toText)
      const wanted: DriftFilter = { ...filter, ...(label.length > 0 ? { labels: labelsOf(label) } : {}) }
      const drift = await request.view.stores.drift.compare(from.point, to.point, wanted)
      const head = { from: from.at.toISOString(), to: to.at.toISOString(), summary: drift.summary }
      if (wantsPage(request)) return { ...head, ...linkNext(reply, request.url, await drift.page({ cursor, limit })) }
      return sendExport(reply, formatOf(request), {
        name: 'drift',
        columns: driftColumns,
        pages: eachPage(drift.page),
        head,
      })
    },
  )

  async function readPointInTime(
    { stores }: View,
    field: string,
    value: string,
  ): Promise<{ point: PointInTime; at: Date }> {
    const [, kind, name = ''] = /^(audit|baseline):(.+)$/.exec(value) ?? []
    const refuse = (message: string) => new RefusedError([{ pointer: `/${field}`, message }], 'query')
    if (kind === 'audit' && uuid.test(name)) {
      const found = await stores.drift.pointInTimeOf(name)
      if (found) return found
    }
    if (kind === 'baseline') {
      const found = await stores.baselines.find(name)
      if (found) return { point: { baseline: name }, at: new Date(found.approvals[0]?.at ?? found.createdAt) }
    }
    if (kind) throw refuse(`there is no ${kind} ${name}`)
    const time = readTime(value)
    if (!time)
      throw refuse(
        plusIssue(value) ?? 'must be an RFC 3339 time such as 2026-11-22T02:00:00Z, audit:ID, or baseline:NAME',
      )
    return { point: { time }, at: time }
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
