import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RefusedError } from '../../../domain/errors.ts'
import type { Severity } from '../../../domain/policy/policy.ts'
import { driftColumns, driftStepColumns } from '../../../report/listings/columns.ts'
import type { JudgedFilter, PointInTime } from '../../../store/history/drift.ts'
import { eachPage } from '../../../store/query/cursor-page.ts'
import type { View } from '../../context.ts'
import { labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, listingContent, sendExport, sendWhole, wantsPage } from '../../listing/listing.ts'
import { readPoints } from '../../listing/period.ts'
import { dateToTime, plusIssue, readTime } from '../../listing/rfc3339.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { DriftItem, DriftQuery, DriftReport, DriftSeries, DriftSeriesQuery, DriftStep } from './schemas/drift.ts'

export const driftRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/drift',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
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
      const {
        from: fromText,
        to: toText,
        label,
        severity,
        cursor,
        limit,
        format: _f,
        all: _all,
        ...filter
      } = request.query
      const from = await readPointInTime(request.view, 'from', await resolvePrevious(request.view, fromText, toText))
      const to = await readPointInTime(request.view, 'to', toText)
      const wanted: JudgedFilter = { ...filter, ...selected({ label, severity }, to.at) }
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

  app.get(
    '/reports/drift/series',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getDriftSeries',
        tags: ['reports'],
        summary: 'Get the drift of a period, step by step',
        description:
          'Between each two points in time that follow each other, the number of differences that `/v1/reports/drift` has between them.',
        querystring: DriftSeriesQuery,
        response: {
          200: listingContent(DriftSeries, DriftStep, driftStepColumns),
          ...unchanged,
          ...problems(406, 422),
        },
      },
    },
    async (request, reply) => {
      const { now, stores } = request.view
      const { from, to, step, label, severity, format: _format, ...names } = request.query
      const points = readPoints({ from, to, step }, now())
      const summaries = await stores.drift.series(points, {
        ...names,
        ...selected({ label, severity }, points.at(-1) ?? now()),
      })
      const time = (at: number) => points[at]?.toISOString() ?? ''
      const items = summaries.map((summary, i) => ({ from: time(i), to: time(i + 1), ...summary }))
      const format = formatOf(request)
      if (format === 'json') return { items }
      return sendWhole(reply, format, { name: 'drift-series', columns: driftStepColumns, items })
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
    const time = readTime(dateToTime(value, field === 'to' ? 'end' : 'start'))
    if (!time)
      throw refuse(
        plusIssue(value) ?? 'must be a date, an RFC 3339 time such as 2026-11-22T02:00:00Z, audit:ID, or baseline:NAME',
      )
    return { point: { time }, at: time }
  }
}

/** `previous` as the audit that it stands for. */
async function resolvePrevious({ stores }: View, from: string, to: string): Promise<string> {
  if (from !== 'previous') return from
  const [, audit] = /^audit:(.+)$/.exec(to) ?? []
  const previous = audit === undefined ? undefined : await stores.audits.findPrevious(audit)
  if (previous !== undefined) return `audit:${previous}`
  const message =
    audit === undefined ? '`previous` needs `to=audit:ID`' : 'no earlier audit of this policy has targets of this audit'
  throw new RefusedError([{ pointer: '/from', message }], 'query')
}

/** The filters that are about labels, and about severities at a point in time. */
const selected = ({ label, severity }: { label: string[]; severity?: Severity }, at: Date) => ({
  ...(label.length > 0 ? { labels: labelsOf(label) } : {}),
  ...(severity === undefined ? {} : { severity: { is: severity, at } }),
})

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
