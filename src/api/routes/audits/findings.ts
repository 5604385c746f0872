import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { reasonCodes } from '../../../domain/findings/reasons.ts'
import { Port } from '../../../domain/policy/values.ts'
import { protocolNames, protocols } from '../../../domain/protocols/index.ts'
import { createDescription, describeFinding } from '../../../operations/findings/describe.ts'
import { withTraces } from '../../../operations/traces/of-findings.ts'
import { createDescribedEncoder, describedFindingColumns } from '../../../report/listings/described.ts'
import type { ServerParts } from '../../context.ts'
import { setStreamEtag } from '../../http/etags.ts'
import { linkNext } from '../../listing/links.ts'
import {
  formatOf,
  ListingQuery,
  listingContent,
  representationOf,
  sendExport,
  wantsPage,
} from '../../listing/listing.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import {
  Count,
  closedObject,
  Fingerprint,
  Judged,
  nullable,
  PageQuery,
  pageOf,
  Result,
  State,
  Timestamp,
  Uuid,
} from '../../openapi/schemas.ts'
import { DescribedTarget, describedRule } from '../findings/described.ts'
import { seriesFields } from '../reports/schemas/series.ts'
import { ExternalIdQuery, TargetName } from '../targets/schemas.ts'
import { ShownTrace } from '../traces/schemas.ts'
import { checkFindingsKept } from './documents.ts'
import { AuditParams } from './schemas.ts'

const Addresses = Type.Record(
  Type.String(),
  Type.Object({
    state: State,
    reason: Type.Enum(reasonCodes),
    rejectedBy: Type.Optional(
      Type.String({
        description:
          'The address that sent the deciding ICMP message; absent if none came or the vantage cannot know it',
        examples: ['10.20.0.11'],
      }),
    ),
    facts: Type.Union(
      protocolNames.map((name) => Type.Object({ ...protocols[name].facts.properties }, { title: name })),
    ),
    hostAnswered: Type.Optional(
      Type.Boolean({
        description:
          'Of a silent port (`no-response`): whether the same address responded on another port that the policy names',
      }),
    ),
    waitedMs: Type.Optional(
      Type.Number({
        description: 'Of an open port: milliseconds of the last wait that ended without what the protocol needs',
        examples: [6_000],
      }),
    ),
  }),
  { description: 'Observations by IP address; the empty name stands for a host without one' },
)

export const Evidence = Type.Object(
  {
    probe: Type.Enum(protocolNames),
    host: Type.String({ description: 'The host that was probed', examples: ['10.20.0.11'] }),
    port: Port,
    ports: Type.Optional(Type.Array(Type.String(), { description: 'The set that was probed; `port` is its first' })),
    addresses: Addresses,
    unlike: Type.Optional(
      Type.Record(Type.String(), Addresses, {
        description: 'For a paired rule: the observations of the other side, by vantage',
      }),
    ),
  },
  {
    $id: 'Evidence',
    description: 'The stable facts of an observation: equal evidence means that nothing changed',
    examples: [
      {
        probe: 'tcp',
        host: '10.20.0.11',
        port: 22,
        addresses: { '10.20.0.11': { state: 'closed', reason: 'connection-refused', facts: {} } },
      },
    ],
  },
)

export const Finding = Type.Object(
  {
    fingerprint: Fingerprint,
    audit: Uuid('Id of the audit'),
    target: TargetName,
    ...DescribedTarget,
    policy: seriesFields.policy,
    policyVersion: Type.Integer({ description: 'Version of the policy', examples: [1] }),
    ...describedRule('the policy version'),
    zones: Type.Array(Type.String(), {
      description: 'Zones of the vantage when the audit was planned; empty for audits from before they were recorded',
      examples: [['client']],
    }),
    rule: Type.String({ description: 'Id of the rule', examples: ['ssh-restricted'] }),
    vantage: Type.String({
      description: 'Name of the vantage, or `zone:NAME` if no vantage belongs to a zone of the rule',
      examples: ['local'],
    }),
    ...Judged,
    observedAt: Timestamp('When the probe ended', '02:00:03'),
    latencyMs: nullable(Type.Integer({ minimum: 0 }), {
      description: 'Milliseconds until the deciding response; null if nothing was dialled',
      examples: [12],
    }),
    attempts: Count('Connection attempts over all addresses', 1),
    indirect: Type.Boolean({ description: 'Whether the evidence is from another zone, which the rule accepts' }),
    late: Type.Boolean({ description: 'Whether a newer observation was recorded earlier; history is unchanged then' }),
    evidence: nullable(Evidence, { description: 'The facts that were observed; null if nothing was dialled' }),
    window: nullable(Uuid('Id of a window', '0002'), {
      description: 'The window that was open for rule and target',
      examples: [null],
    }),
    waiver: nullable(Type.Object({ id: Uuid('Id of the waiver', '0003'), expiresAt: Timestamp('When it ends') }), {
      description: 'The waiver that accepts the failure: the finding stays `fail` and does not affect the verdict',
      examples: [null],
    }),
    trace: Type.Optional(
      Type.Object(ShownTrace, {
        description:
          'The path to a newly blocked port, which is measured after the audit; in pages of JSON alone, which may change after its end',
      }),
    ),
  },
  { $id: 'Finding', description: 'One rule judged for one target from one vantage in one audit' },
)
const text = (maxLength: number, description: string, example: string) =>
  Type.Optional(Type.String({ maxLength, description, examples: [example] }))

export const findingRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'version' | 'pages'>> = async (
  app,
  { version, pages },
) => {
  app.get(
    '/audits/:id/findings',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true, replica: true, etag: true },
      schema: {
        operationId: 'listFindings',
        tags: ['audits'],
        summary: 'List the findings of an audit',
        description:
          'In a stable order; the findings of one target follow each other. 409 when retention has removed the findings of an ended audit.',
        params: AuditParams,
        querystring: closedObject({
          result: Type.Optional(Result),
          target: text(253, 'Name of the target', 'epp-01'),
          ...ExternalIdQuery,
          rule: text(100, 'Id of the rule', 'ssh-restricted'),
          vantage: text(100, 'Name of the vantage', 'local'),
          ...PageQuery,
          ...ListingQuery,
        }),
        response: {
          200: listingContent(pageOf(Finding), Finding, describedFindingColumns),
          ...unchanged,
          ...problems(404, 406, 409),
        },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const { id } = request.params
      const audit = await stores.audits.find(id)
      if (!audit) throw new NotFoundError(`there is no audit ${id}`)
      const { format: _format, csv: _csv, all: _all, cursor, limit, ...filter } = request.query
      if (wantsPage(request)) {
        const page = await stores.findings.list(id, { ...filter, cursor, limit })
        if (page.items.length === 0) await checkFindingsKept(stores, audit)
        const partsOf = await createDescription(stores, audit, pages)
        const items = page.items.map((found) => describeFinding(found, partsOf(found)))
        return linkNext(reply, request.url, { ...page, items: await withTraces(stores, id, items) })
      }
      await checkFindingsKept(stores, audit)
      // What an audit that has ended found does not change, until retention drops all of it; its targets do.
      if (audit.finishedAt !== null) {
        const { targetsChangedAt } = await stores.audits.paramsAndTargets(id)
        const parts = [audit.finishedAt, targetsChangedAt?.toISOString() ?? null, pages.audit(id), filter]
        setStreamEtag(reply, id, ...parts, representationOf(request), version)
      }
      const encoder = createDescribedEncoder(await createDescription(stores, audit, pages))
      return sendExport(reply, formatOf(request), {
        name: `findings-${id}`,
        encoder,
        pages: stores.findings.eachOfTarget(id, filter),
      })
    },
  )
}
