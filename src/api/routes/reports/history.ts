import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { spanColumns } from '../../../report/listings/columns.ts'
import { eachPage, type PageRequest } from '../../../store/query/cursor-page.ts'
import type { ServerParts } from '../../context.ts'
import { setStreamEtag } from '../../http/etags.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import {
  closedObject,
  Fingerprint,
  Judged,
  nullable,
  PageQuery,
  pageOf,
  problems,
  Timestamp,
  unchanged,
} from '../../openapi/schemas.ts'
import { Evidence } from '../audits/findings.ts'
import { TargetName } from '../targets/schemas.ts'

export const FieldChange = Type.Object(
  {
    path: Type.String({ description: 'JSON Pointer', examples: ['/evidence/addresses/10.0.0.5/state'] }),
    before: Type.Unknown({ description: 'Null where the field was absent' }),
    after: Type.Unknown({ description: 'Null where the field is absent' }),
  },
  { $id: 'FieldChange', title: 'FieldChange' },
)

export const Span = Type.Object(
  {
    fingerprint: Fingerprint,
    policy: Type.String(),
    rule: Type.String(),
    vantage: Type.String(),
    ...Judged,
    evidence: nullable(Evidence),
    from: Timestamp,
    to: nullable(Type.String({ format: 'date-time', description: 'Null while it lasts' })),
    changes: Type.Array(FieldChange, { description: 'What differs from the span before' }),
  },
  {
    $id: 'Span',
    title: 'Span',
    description: 'A stretch of time in which a rule, seen from a vantage, did not change for the target',
  },
)

export const historyRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'version'>> = async (app, { version }) => {
  app.get(
    '/targets/:name/history',
    {
      config: { scope: 'reports:read', limited: true, etag: true },
      schema: {
        operationId: 'getTargetHistory',
        tags: ['targets'],
        summary: 'Get the history of a target',
        description: 'A retired target still has its history.',
        params: closedObject({ name: TargetName }),
        querystring: closedObject({ ...PageQuery, ...ListingQuery }),
        response: { 200: listingContent(pageOf(Span), Span), ...unchanged, ...problems(404, 406) },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const { name } = request.params
      const target = await stores.targets.findAny(name)
      if (!target) throw new NotFoundError(`there is no target ${name}`)
      const fetchPage = (page: PageRequest) => stores.history.spans(target.id, page)
      if (wantsPage(request)) return linkNext(reply, request.url, await fetchPage(request.query))
      setStreamEtag(reply, target.id, await stores.history.extent(target.id), formatOf(request), version)
      return sendExport(reply, formatOf(request), {
        name: `history-${name}`,
        columns: spanColumns,
        pages: eachPage(fetchPage),
      })
    },
  )
}
