import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Limits } from '../../../domain/access/limits.ts'
import { allows } from '../../../domain/access/scopes.ts'
import type { Audit as StoredAudit } from '../../../domain/audits.ts'
import { ConflictError, ForbiddenError, NotFoundError } from '../../../domain/errors.ts'
import { coverageOf } from '../../../domain/findings/verdict.ts'
import { commandLine } from '../../../operations/access/command-line.ts'
import { createAcceptance } from '../../../operations/audits/accept.ts'
import { cancelAudit } from '../../../operations/audits/cancel.ts'
import { checkDestination } from '../../../operations/webhooks/destination.ts'
import type { ServerParts, View } from '../../context.ts'
import { optionalBody } from '../../http/optional-body.ts'
import { findAfterWait } from '../../http/prefer.ts'
import { labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { chooseFormat } from '../../listing/listing.ts'
import { readPeriod } from '../../listing/period.ts'
import { fetchRefreshed, refreshedPageOf } from '../../listing/updated-since.ts'
import { described, problems, unchanged } from '../../openapi/responses.ts'
import { closedObject, EndReason } from '../../openapi/schemas.ts'
import {
  AuditFormatQuery,
  auditContent,
  auditMediaTypes,
  packMediaType,
  sendAuditDocument,
  sendPack,
} from './documents.ts'
import { Audit, AuditHeaders, AuditParams, AuditQuery, AuditRequest, WaitHeaders } from './schemas.ts'

const ends: ReadonlySet<string> = new Set(['completed', 'canceled', 'failed'])
export const hasEnded = ({ status }: StoredAudit): boolean => ends.has(status)

interface AuditRouteParts
  extends Pick<
    ServerParts,
    'endAudit' | 'enqueuePlan' | 'enqueueBatches' | 'notifications' | 'mayDial' | 'plainHttp' | 'version' | 'pages'
  > {
  quota: Limits
}

export const auditRoutes: FastifyPluginAsyncTypebox<AuditRouteParts> = async (app, parts) => {
  const { notifications } = parts
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  // Unlimited callers share a view, so their concurrent requests are accepted together.
  const acceptances = new WeakMap<View, ReturnType<typeof createAcceptance>>()
  const acceptanceOf = (view: View) => {
    const accept = acceptances.get(view) ?? createAcceptance({ ...parts, ...view })
    acceptances.set(view, accept)
    return accept
  }

  const find = async ({ stores }: View, id: string) => {
    const audit = await stores.audits.find(id)
    if (!audit) throw new NotFoundError(`there is no audit ${id}`)
    return audit
  }

  const findEnded = (view: View, id: string, preference: { prefer?: string; reply: FastifyReply }) =>
    findAfterWait(
      {
        find: () => find(view, id),
        hasEnded,
        waitForEnd: (ms) => notifications.waitForEnd(id, ms, closing.signal),
      },
      preference,
    )

  app.post(
    '/audits',
    {
      config: { scope: 'audits:run', limited: true, countsAsAudit: true },
      schema: {
        operationId: 'createAudit',
        tags: ['audits'],
        summary: 'Create an audit',
        description:
          'The service validates the whole request before it queues anything. An accepted audit always ends. A request with targets to create or update also needs the scope `targets:write`; it may have 50,000 values in all, so import thousands of targets first.',
        headers: AuditHeaders,
        body: AuditRequest,
        response: {
          200: described('The audit ended within the wait', Audit),
          202: described('Accepted; poll `Location`', Audit),
          ...problems(413, 415, 422),
        },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const writesTargets = Array.isArray(body.targets) && body.targets.some((target) => typeof target !== 'string')
      if (writesTargets && !allows(caller.scopes, 'targets:write'))
        throw new ForbiddenError(
          'to create or change targets the key needs the scope targets:write: name those that are there',
        )
      if (body.callbackUrl !== undefined) checkDestination(parts, body.callbackUrl, '/callbackUrl')
      const order = {
        trigger: caller === commandLine ? 'cli' : 'api',
        requestedBy: caller.keyId,
        idempotencyKey: headers['idempotency-key'],
        quota: parts.quota,
      }
      const { auditId } = await acceptanceOf(view)({ request: body, order })
      const audit = await findEnded(view, auditId, { ...headers, reply })
      reply.header('location', `/v1/audits/${auditId}`)
      return respond(reply, audit, hasEnded(audit) ? 200 : 202)
    },
  )

  app.get(
    '/audits',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true, etag: true },
      schema: {
        operationId: 'listAudits',
        tags: ['audits'],
        summary: 'List audits',
        description:
          'Newest first; `from` and `to` limit when they were accepted. With `updatedSince`, an audit is returned again when it was accepted, started or ended, not for its progress.',
        querystring: AuditQuery,
        response: { 200: refreshedPageOf(Audit), ...unchanged, ...problems(422) },
      },
    },
    async ({ query, url, view }, reply) => {
      const { label, from, to, updatedSince: _, cursor: __, ...filter } = query
      const period = readPeriod({ from, to })
      const page = await fetchRefreshed(view.stores, query, (part) =>
        view.stores.audits.list({ ...filter, ...part, period, labels: labelsOf(label) }),
      )
      return linkNext(reply, url, { ...page, items: page.items.map(showAudit) })
    },
  )

  app.get(
    '/audits/:id',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true, etag: true },
      schema: {
        operationId: 'getAudit',
        tags: ['audits'],
        summary: 'Get an audit',
        description:
          'A completed audit is also available as a document with all findings (OSCAL, SARIF, JUnit, Nmap XML), which is streamed. An inconclusive finding is neither a pass nor a failure in these documents.',
        params: AuditParams,
        querystring: closedObject(AuditFormatQuery),
        headers: WaitHeaders,
        response: {
          200: { description: 'The audit, or a document with its findings', content: auditContent(Audit) },
          ...unchanged,
          ...problems(404, 406, 409),
        },
      },
    },
    async (request, reply) => {
      const { view, params, headers } = request
      const format = chooseFormat(request, auditMediaTypes)
      const audit = await findEnded(view, params.id, { ...headers, reply })
      if (format === 'json') return respond(reply, audit, 200)
      return sendAuditDocument({ ...parts, ...view }, { audit, format }, reply)
    },
  )

  app.get(
    '/audits/:id/pack',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true, etag: true },
      schema: {
        operationId: 'getEvidencePack',
        tags: ['audits'],
        summary: 'Download the evidence pack of an audit',
        description:
          'A zip file for auditors, of an audit that has ended: findings (NDJSON and CSV), the policy version, the vantages at planning time, versions, the ledger entry, a manifest with the SHA-256 of each file, and a page (`index.html`) that needs no service. The same audit, version of the service and `PORTWARDEN_PUBLIC_URL` give the same bytes. `npm run pack -- verify` checks an unpacked file. The response breaks off at 4 GiB.',
        params: AuditParams,
        response: {
          200: {
            description: 'The evidence pack',
            content: {
              [packMediaType]: {
                schema: { type: 'string', contentMediaType: packMediaType, examples: ['(zip file)'] },
              },
            },
          },
          ...unchanged,
          ...problems(404, 409),
        },
      },
    },
    async ({ params, view }, reply) => sendPack({ ...parts, ...view }, await find(view, params.id), reply),
  )

  app.post(
    '/audits/:id/cancel',
    {
      config: { scope: 'audits:run', limited: true },
      preValidation: optionalBody,
      schema: {
        operationId: 'cancelAudit',
        tags: ['audits'],
        summary: 'Cancel an audit',
        description: 'Checks without a result become `unknown` with the reason `audit-canceled`.',
        params: AuditParams,
        body: EndReason,
        response: { 200: Audit, ...problems(404, 409, 413, 415) },
      },
    },
    async ({ params, body: { reason }, caller, view }, reply) => {
      const { status } = await find(view, params.id)
      if (!(await cancelAudit({ ...parts, ...view }, params.id, { actor: caller.keyId, reason })))
        throw new ConflictError(`the audit has ended already: it is ${status}`)
      return respond(reply, await find(view, params.id), 200)
    },
  )
}

/** An audit as the API shows it. */
export const showAudit = (audit: StoredAudit) => ({ ...audit, coverage: coverageOf(audit.counts) })

function respond(reply: FastifyReply, audit: StoredAudit, status: 200 | 202) {
  if (!hasEnded(audit)) reply.header('retry-after', '1')
  return reply.code(status).send(showAudit(audit))
}
