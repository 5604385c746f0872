import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { v7 as newUuid } from 'uuid'
import { ConflictError, NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { isHost } from '../../../domain/findings/endpoint.ts'
import type { Change, LedgerAction } from '../../../domain/ledger.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import type { Caller } from '../../../store/access/keys.ts'
import type { StoredTarget } from '../../../store/inventory/targets.ts'
import { eachPage } from '../../../store/query/cursor-page.ts'
import type { View } from '../../context.ts'
import { IfMatch, matches, stale, versionTag } from '../../http/etags.ts'
import { LabelQuery, labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import {
  fetchRefreshed,
  type RefreshedPage,
  RefreshQuery,
  refreshedPageOf,
  refreshedStream,
} from '../../listing/updated-since.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery } from '../../openapi/schemas.ts'
import { noHost, Target, TargetInput, TargetParams, TargetPatch, TargetReplacement, targetColumns } from './schemas.ts'

export const targetRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const find = async ({ stores }: View, name: string) => {
    const target = await stores.targets.find(name)
    if (!target) throw new NotFoundError(`there is no target ${name}`)
    return target
  }

  app.get(
    '/targets',
    {
      config: { scope: ['reports:read', 'audits:run', 'targets:write'], limited: true, etag: true },
      schema: {
        operationId: 'listTargets',
        tags: ['targets'],
        summary: 'List targets',
        description: 'The CSV and NDJSON forms can be imported with `POST /v1/targets/import`.',
        querystring: closedObject({
          ...LabelQuery,
          ...RefreshQuery,
          ...PageQuery,
          ...ListingQuery,
        }),
        response: {
          200: listingContent(refreshedPageOf(Target), Target, columns),
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const labels = labelsOf(request.query.label)
      const fetchPage = async (page: RefreshedPage) => {
        const { items, next } = await stores.targets.list({ ...page, labels })
        return { items: items.map(show), next }
      }
      if (wantsPage(request))
        return linkNext(reply, request.url, await fetchRefreshed(stores, request.query, fetchPage))
      const { head, ...since } = await refreshedStream(reply, stores, request.query)
      const pages = eachPage((page) => fetchPage({ ...since, ...page }))
      return sendExport(reply, formatOf(request), { name: 'targets', columns, pages, head })
    },
  )

  app.post(
    '/targets',
    {
      config: { scope: 'targets:write', limited: true },
      schema: {
        operationId: 'createTarget',
        tags: ['targets'],
        summary: 'Create a target',
        headers: Type.Object(IdempotencyKey),
        body: TargetInput,
        response: { 201: Target, ...problems(409, 413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      checkAddress(body.address)
      const target = await view.transaction(async (tx) => {
        const resource = newUuid()
        const claim = { idempotencyKey: headers['idempotency-key'], requestedBy: caller.keyId, request: body, resource }
        const repeated = (await claimOnce(tx, claim)) !== resource
        const made = repeated ? await tx.targets.find(body.name) : await tx.targets.create(body)
        // Thrown inside, so that the key is not used up by a request that made nothing.
        if (!made) throw new ConflictError(`there is a target ${body.name} already: PUT replaces it`)
        if (!repeated) tx.ledger.record(changeOf(caller, 'target.create', made))
        return made
      })
      return answer(reply.code(201).header('location', `/v1/targets/${encodeURIComponent(body.name)}`), target)
    },
  )

  app.get(
    '/targets/:name',
    {
      config: { scope: ['reports:read', 'audits:run', 'targets:write'], limited: true, etag: true },
      schema: {
        operationId: 'getTarget',
        tags: ['targets'],
        summary: 'Get a target',
        params: TargetParams,
        response: { 200: Target, ...unchanged, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => answer(reply, await find(view, params.name)),
  )

  app.put(
    '/targets/:name',
    {
      config: { scope: 'targets:write', limited: true },
      schema: {
        operationId: 'replaceTarget',
        tags: ['targets'],
        summary: 'Create or replace a target',
        params: TargetParams,
        headers: IfMatch,
        body: TargetReplacement,
        response: { 200: Target, 201: Target, ...problems(412, 413, 415, 422) },
      },
    },
    async ({ params: { name }, body, headers, caller, view: { stores, transaction } }, reply) => {
      checkAddress(body.address)
      // Where somebody else was faster it is looked at again; whoever named a version finds it gone then.
      for (;;) {
        const current = await stores.targets.findAny(name)
        const live = current && (await stores.targets.find(name))
        if (!matches(headers['if-match'], live)) return stale(reply)
        const saved = await transaction(async (tx) => {
          const made = current
            ? await tx.targets.replace(current.id, { ...body, name }, current.version)
            : await tx.targets.create({ ...body, name })
          if (made) tx.ledger.record(changeOf(caller, live ? 'target.change' : 'target.create', made))
          return made
        })
        if (saved) return answer(reply.code(live ? 200 : 201), saved)
      }
    },
  )

  app.patch(
    '/targets/:name',
    {
      config: { scope: 'targets:write', limited: true },
      schema: {
        operationId: 'updateTarget',
        tags: ['targets'],
        summary: 'Update a target',
        description: 'A given field replaces the whole stored field; the others keep their values.',
        params: TargetParams,
        headers: IfMatch,
        body: TargetPatch,
        response: { 200: Target, ...problems(404, 412, 413, 415, 422) },
      },
    },
    async ({ params, body, headers, caller, view }, reply) => {
      if (body.address !== undefined) checkAddress(body.address)
      for (;;) {
        const current = await find(view, params.name)
        if (!matches(headers['if-match'], current)) return stale(reply)
        const saved = await view.transaction(async (tx) => {
          const made = await tx.targets.replace(current.id, { ...show(current), ...body }, current.version)
          if (made) tx.ledger.record(changeOf(caller, 'target.change', made))
          return made
        })
        if (saved) return answer(reply, saved)
      }
    },
  )

  app.delete(
    '/targets/:name',
    {
      config: { scope: 'targets:write', limited: true },
      schema: {
        operationId: 'retireTarget',
        tags: ['targets'],
        summary: 'Retire a target',
        description: 'Its history is kept; a new target with the same name continues it.',
        params: TargetParams,
        response: { 204: Type.Null({ description: 'Retired' }), ...problems(404) },
      },
    },
    async ({ params, caller, view }, reply) => {
      const target = await find(view, params.name)
      await view.transaction(async (tx) => {
        await tx.targets.retire(target.id)
        tx.ledger.record(changeOf(caller, 'target.retire', target))
      })
      return reply.code(204).send(null)
    },
  )
}

const columns = Object.fromEntries(
  targetColumns.map((field) => [field, (item: Static<typeof Target>) => item[field as keyof typeof item]]),
)

const show = ({ id: _id, version: _version, ...target }: StoredTarget): Static<typeof Target> =>
  target as Static<typeof Target>

const changeOf = ({ keyId }: Caller, action: LedgerAction, target: StoredTarget): Change => ({
  actor: keyId,
  action,
  subject: target.name,
  payload: show(target),
})

const answer = (reply: FastifyReply, target: StoredTarget) =>
  reply.header('etag', versionTag(target)).send(show(target))

function checkAddress(address: string): void {
  if (!isHost(address)) throw new RefusedError([noHost])
}
