import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { readReference } from '../../../domain/targets.ts'
import { createTarget } from '../../../operations/targets/create.ts'
import { replaceTarget } from '../../../operations/targets/replace.ts'
import { retireTarget } from '../../../operations/targets/retire.ts'
import { findTarget, showTarget } from '../../../operations/targets/target.ts'
import { updateTarget } from '../../../operations/targets/update.ts'
import type { TargetFields } from '../../../store/inventory/target-columns.ts'
import type { StoredTarget } from '../../../store/inventory/targets.ts'
import { eachPage } from '../../../store/query/cursor-page.ts'
import { describePatch } from '../../http/bodies/patches.ts'
import { IfMatch, revisionOf, versionTag } from '../../http/etags.ts'
import { LabelQuery, labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { formatOf, ListingQuery, listingContent, sendExport, wantsPage } from '../../listing/listing.ts'
import { fetchRefreshed, type RefreshedPage, RefreshQuery, refreshedStream } from '../../listing/updated-since.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery } from '../../openapi/schemas.ts'
import {
  Target,
  TargetInput,
  TargetPage,
  TargetParams,
  TargetPatch,
  TargetReplacement,
  TargetSearch,
  targetColumns,
} from './schemas.ts'

const patch = describePatch(TargetPatch, TargetReplacement, { labels: { tier: 'gold', site: null }, externalId: null })

/** What an export writes of a target, an import must be able to read as one row. */
const bodyLimit = 4 * 2 ** 20

export const targetRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/targets',
    {
      config: { scope: ['reports:read', 'audits:run', 'targets:write'], limited: true, etag: true },
      schema: {
        operationId: 'listTargets',
        tags: ['targets'],
        summary: 'List targets',
        description: 'Ordered by name. The CSV and NDJSON forms can be imported with `POST /v1/targets/import`.',
        querystring: closedObject({
          ...TargetSearch,
          ...LabelQuery,
          ...RefreshQuery,
          ...PageQuery,
          ...ListingQuery,
        }),
        response: {
          200: listingContent(TargetPage, Target, columns),
          ...unchanged,
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { stores } = request.view
      const { q, externalId, label, total, updatedSince } = request.query
      const filter = {
        labels: labelsOf(label),
        ...(q === undefined ? {} : { q }),
        ...(externalId === undefined ? {} : { externalId }),
      }
      const fetchPage = async (page: RefreshedPage) => {
        const { items, next } = await stores.targets.list({ ...page, ...filter })
        return { items: items.map(show), next }
      }
      if (wantsPage(request)) {
        const page = await fetchRefreshed(stores, request.query, fetchPage)
        if (!total) return linkNext(reply, request.url, page)
        const since = updatedSince === undefined ? {} : { since: new Date(updatedSince) }
        return linkNext(reply, request.url, { ...page, total: await stores.targets.count({ ...filter, ...since }) })
      }
      const { head, ...since } = await refreshedStream(reply, stores, request.query)
      const pages = eachPage((page) => fetchPage({ ...since, ...page }))
      return sendExport(reply, formatOf(request), { name: 'targets', columns, pages, head })
    },
  )

  app.post(
    '/targets',
    {
      config: { scope: 'targets:write', limited: true },
      bodyLimit,
      schema: {
        operationId: 'createTarget',
        tags: ['targets'],
        summary: 'Create a target',
        description: 'Responds 409 if the name is in use.',
        headers: Type.Object(IdempotencyKey),
        body: TargetInput,
        response: { 201: Target, ...problems(409, 413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const target = await createTarget(view, body, requester)
      return respond(reply.code(201).header('location', `/v1/targets/${encodeURIComponent(body.name)}`), target)
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
        response: { 200: Target, ...unchanged, ...problems(404, 409) },
      },
    },
    async ({ params, view }, reply) => respond(reply, await findTarget(view.stores, readReference(params.name))),
  )

  app.put(
    '/targets/:name',
    {
      config: { scope: 'targets:write', limited: true },
      bodyLimit,
      schema: {
        operationId: 'replaceTarget',
        tags: ['targets'],
        summary: 'Create or replace a target',
        description:
          'Sets all fields; an omitted field becomes empty. A target in `externalId=ID` keeps its id, and is not created.',
        params: TargetParams,
        headers: IfMatch,
        body: TargetReplacement,
        response: { 200: Target, 201: Target, ...problems(404, 409, 412, 413, 415, 422) },
      },
    },
    async ({ params: { name }, body, headers, caller, view }, reply) => {
      const replacement = { reference: readReference(name), fields: body }
      const { target, created } = await replaceTarget(view, replacement, revisionOf(caller, headers))
      return respond(reply.code(created ? 201 : 200), target)
    },
  )

  app.patch(
    '/targets/:name',
    {
      config: { scope: 'targets:write', limited: true },
      bodyLimit,
      schema: {
        operationId: 'updateTarget',
        tags: ['targets'],
        summary: 'Update a target',
        description:
          'As `application/json`, a given field replaces the whole stored field, and the others keep their values. As `application/merge-patch+json`, null removes a field, a label or a parameter, and the other labels and parameters stay.',
        params: TargetParams,
        headers: IfMatch,
        body: patch.body,
        response: { 200: Target, ...problems(404, 409, 412, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { params, headers, caller, view } = request
      const update = { reference: readReference(params.name), change: patch.changeOf<TargetFields>(request) }
      return respond(reply, await updateTarget(view, update, revisionOf(caller, headers)))
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
        response: { 204: Type.Null({ description: 'Retired' }), ...problems(404, 409) },
      },
    },
    async ({ params, caller, view }, reply) => {
      await retireTarget(view, readReference(params.name), caller.keyId)
      return reply.code(204).send(null)
    },
  )
}

const columns = Object.fromEntries(
  targetColumns.map((field) => [field, (item: Static<typeof Target>) => item[field as keyof typeof item]]),
)

const show = (target: StoredTarget): Static<typeof Target> => showTarget(target) as Static<typeof Target>

const respond = (reply: FastifyReply, target: StoredTarget) =>
  reply.header('etag', versionTag(target)).send(show(target))
