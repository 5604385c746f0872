import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { reasonCodes } from '../../../domain/findings/reasons.ts'
import { Port } from '../../../domain/policy/values.ts'
import { protocolNames, protocols } from '../../../domain/protocols/index.ts'
import { findingColumns } from '../../../report/listings/columns.ts'
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
  Result,
  State,
  Timestamp,
  unchanged,
} from '../../openapi/schemas.ts'

const Addresses = Type.Record(
  Type.String(),
  Type.Object({
    state: State,
    reason: Type.Enum(reasonCodes),
    facts: Type.Union(
      protocolNames.map((name) => Type.Object({ ...protocols[name].facts.properties }, { title: name })),
    ),
  }),
  { description: 'What was seen, by literal address; the empty name stands for a host that has none' },
)

export const Evidence = Type.Object(
  {
    probe: Type.Enum(protocolNames),
    host: Type.String(),
    port: Port,
    addresses: Addresses,
    unlike: Type.Optional(
      Type.Record(Type.String(), Addresses, {
        description: 'Of a paired rule: what each vantage of the other side saw, by its name',
      }),
    ),
  },
  {
    $id: 'Evidence',
    title: 'Evidence',
    description: 'The stable facts of an observation: equal evidence means that nothing changed',
  },
)

export const Finding = Type.Object(
  {
    fingerprint: Fingerprint,
    target: Type.String({ examples: ['epp-01'] }),
    rule: Type.String({ examples: ['client-https'] }),
    vantage: Type.String({
      description: 'A vantage, or `zone:NAME` where none belongs to a zone of the rule',
      examples: ['local'],
    }),
    ...Judged,
    observedAt: Timestamp,
    latencyMs: nullable(Type.Integer({ minimum: 0, description: 'Null where nothing was dialled' })),
    attempts: Type.Integer({ minimum: 0, description: 'Connections tried, over all addresses' }),
    indirect: Type.Boolean({ description: 'Seen from a zone that the rule does not name, which it accepts' }),
    late: Type.Boolean({ description: 'A newer look was recorded before it: it changes no history' }),
    evidence: nullable(Evidence),
    window: nullable(Type.String({ format: 'uuid', description: 'The window that was open for rule and target' })),
    waiver: nullable(
      Type.Object(
        { id: Type.String({ format: 'uuid' }), expiresAt: Timestamp },
        { description: 'Accepts the failure: it counts for no verdict, and is a `fail` all the same' },
      ),
    ),
  },
  { $id: 'Finding', title: 'Finding', description: 'One rule judged for one target from one vantage in one audit' },
)

export const findingRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'version'>> = async (app, { version }) => {
  app.get(
    '/audits/:id/findings',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true, etag: true },
      schema: {
        operationId: 'listFindings',
        tags: ['audits'],
        summary: 'List the findings of an audit',
        params: closedObject({ id: Type.String({ format: 'uuid' }) }),
        querystring: closedObject({
          result: Type.Optional(Result),
          target: Type.Optional(Type.String({ maxLength: 253 })),
          rule: Type.Optional(Type.String({ maxLength: 100 })),
          vantage: Type.Optional(Type.String({ maxLength: 100 })),
          ...PageQuery,
          ...ListingQuery,
        }),
        response: { 200: listingContent(pageOf(Finding), Finding), ...unchanged, ...problems(404, 406) },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const { id } = request.params
      const audit = await stores.audits.find(id)
      if (!audit) throw new NotFoundError(`there is no audit ${id}`)
      const { format: _format, all: _all, cursor, limit, ...filter } = request.query
      if (wantsPage(request))
        return linkNext(reply, request.url, await stores.findings.list(id, { ...filter, cursor, limit }))
      // What an audit that has ended found does not change, until retention drops all of it.
      if (audit.finishedAt !== null && (await stores.findings.list(id, { limit: 1 })).items.length > 0)
        setStreamEtag(reply, id, audit.finishedAt, filter, formatOf(request), version)
      return sendExport(reply, formatOf(request), {
        name: `findings-${id}`,
        columns: findingColumns,
        pages: stores.findings.each(id, filter),
      })
    },
  )
}
