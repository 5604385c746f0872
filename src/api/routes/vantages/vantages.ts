import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { isAbsent } from '../../../domain/vantages/presence.ts'
import { putVantage } from '../../../operations/vantages/put.ts'
import { removeVantage } from '../../../operations/vantages/remove.ts'
import type { VantageState } from '../../../store/inventory/vantages.ts'
import type { View } from '../../context.ts'
import { IfNoneMatch, revisionOf } from '../../http/etags.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Vantage, VantageInput, VantageParams } from './schemas.ts'

const show = ({ lastSeenAt, ...vantage }: VantageState, now: Date) => ({
  ...vantage,
  absent: isAbsent({ kind: vantage.kind, lastSeenAt }, now),
  lastSeenAt: lastSeenAt?.toISOString() ?? null,
})

export const vantageRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const find = async ({ stores, now }: View, name: string) => {
    const vantage = await stores.vantages.find(name)
    if (!vantage) throw new NotFoundError(`there is no vantage ${name}`)
    return show(vantage, now())
  }

  app.get(
    '/vantages',
    {
      config: { scope: ['reports:read', 'audits:run'] },
      schema: {
        operationId: 'listVantages',
        tags: ['vantages'],
        summary: 'List vantages',
        description: 'Current state of all vantages, ordered by name.',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Vantage), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.vantages.page(query)
      return linkNext(reply, url, { ...page, items: page.items.map((vantage) => show(vantage, view.now())) })
    },
  )

  app.get(
    '/vantages/:name',
    {
      config: { scope: ['reports:read', 'audits:run'] },
      schema: {
        operationId: 'getVantage',
        tags: ['vantages'],
        summary: 'Get a vantage',
        description: 'Current state of the vantage.',
        params: VantageParams,
        response: { 200: Vantage, ...problems(404) },
      },
    },
    async ({ params, view }) => find(view, params.name),
  )

  app.put(
    '/vantages/:name',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'putVantage',
        tags: ['vantages'],
        summary: 'Register a vantage',
        description:
          'Sets the zones of an agent; an agent cannot choose them itself. For a vantage of a worker the configuration of the worker sets the zones.',
        params: VantageParams,
        headers: IfNoneMatch,
        body: VantageInput,
        response: { 200: Vantage, ...problems(409, 412, 413, 415) },
      },
    },
    async ({ params: { name }, body, headers, caller, view }) => {
      await putVantage(view, { name, zones: body.zones }, revisionOf(caller, headers))
      return find(view, name)
    },
  )

  app.delete(
    '/vantages/:name',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'removeVantage',
        tags: ['vantages'],
        summary: 'Remove a vantage',
        description:
          'Its history stays, and registering the name again continues it. Checks that wait for it become `notchecked` (`vantage-removed`). Responds 409 while a worker serves it, or while the audit of a schedule names it.',
        params: VantageParams,
        response: { 204: Type.Null({ description: 'Removed' }), ...problems(404, 409) },
      },
    },
    async ({ params, caller, view }, reply) => {
      await removeVantage(view, params.name, caller.keyId)
      return reply.code(204).send(null)
    },
  )
}
