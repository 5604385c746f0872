import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { RefusedError } from '../../../domain/errors.ts'
import { driftCauses, driftClasses } from '../../../domain/history/drift.ts'
import { significances } from '../../../domain/history/significance.ts'
import { driftColumns } from '../../../report/listings/columns.ts'
import type { DriftFilter, PointInTime } from '../../../store/history/drift.ts'
import { eachPage } from '../../../store/query/cursor-page.ts'
import type { View } from '../../context.ts'
import { LabelQuery, labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { readTime } from '../../listing/rfc3339.ts'
import {
  closedObject,
  Fingerprint,
  Judged,
  nullable,
  PageQuery,
  problems,
  Timestamp,
  unchanged,
} from '../../openapi/schemas.ts'
import { FieldChange } from './history.ts'

const Side = nullable(Type.Object(Judged))
const count = Type.Integer({ minimum: 0 })
const Significance = Type.Enum([...significances], { description: '`alert`: look now; `notice`: at the next review' })

export const DriftItem = Type.Object(
  {
    fingerprint: Fingerprint,
    class: Type.Enum([...driftClasses]),
    cause: Type.Enum([...driftCauses]),
    significance: Significance,
    target: Type.String(),
    policy: Type.String(),
    rule: Type.String(),
    vantage: Type.String(),
    at: Timestamp,
    before: Side,
    after: Side,
    changes: Type.Array(Type.Object({ ...FieldChange.properties, significance: Significance })),
    flapping: nullable(
      Type.Object(
        { changes: count, observations: count, share: Type.Number({ minimum: 0, maximum: 1 }) },
        { description: 'How often it changed among its last observations, where that is too often; else null' },
      ),
    ),
  },
  { $id: 'DriftItem', title: 'DriftItem' },
)

export const DriftReport = Type.Object(
  {
    from: Timestamp,
    to: Timestamp,
    summary: Type.Object(
      Object.fromEntries(driftClasses.map((name) => [name, count])) as Record<
        (typeof driftClasses)[number],
        typeof count
      >,
      { description: 'Counts of the whole report, whatever the page' },
    ),
    items: Type.Array(DriftItem),
    next: nullable(Type.String()),
  },
  { $id: 'DriftReport', title: 'DriftReport', description: 'What differs between two moments' },
)

const PointInTimeText = Type.String({
  maxLength: 200,
  description: 'An RFC 3339 time, `audit:ID`, or `baseline:NAME`',
  examples: ['2026-11-22T02:00:00Z'],
})
const text = Type.Optional(Type.String({ maxLength: 253 }))

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
          'Between two audits, exactly what they found is compared; between two times, what was known then of every series. The items come in an order that never changes, those of a target together.',
        querystring: closedObject({
          from: PointInTimeText,
          to: PointInTimeText,
          ...{ target: text, policy: text, rule: text, vantage: text },
          class: Type.Optional(Type.Enum([...driftClasses])),
          ...LabelQuery,
          ...PageQuery,
          ...ListingQuery,
        }),
        response: { 200: listingContent(DriftReport, DriftItem), ...unchanged, ...problems(406, 422) },
      },
    },
    async (request, reply) => {
      const { from: fromText, to: toText, label, cursor, limit, format: _format, all: _all, ...filter } = request.query
      const from = await readPointInTime(request.view, 'from', fromText)
      const to = await readPointInTime(request.view, 'to', toText)
      const wanted: DriftFilter = { ...filter, ...(label.length > 0 ? { labels: labelsOf(label) } : {}) }
      const drift = await request.view.stores.drift.compare(from.moment, to.moment, wanted)
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
  ): Promise<{ moment: PointInTime; at: Date }> {
    const [, kind, name = ''] = /^(audit|baseline):(.+)$/.exec(value) ?? []
    const refuse = (message: string) => new RefusedError([{ pointer: `/${field}`, message }], 'query')
    if (kind === 'audit' && uuid.test(name)) {
      const found = await stores.drift.pointInTimeOf(name)
      if (found) return found
    }
    if (kind === 'baseline') {
      const found = await stores.baselines.find(name)
      if (found) return { moment: { baseline: name }, at: new Date(found.approvals[0]?.at ?? found.createdAt) }
    }
    if (kind) throw refuse(`there is no ${kind} ${name}`)
    const time = readTime(value)
    if (!time) throw refuse('must be an RFC 3339 time such as 2026-11-22T02:00:00Z, audit:ID, or baseline:NAME')
    return { moment: { time }, at: time }
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
