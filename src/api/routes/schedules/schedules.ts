import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { replaceSchedule, updateSchedule } from '../../../operations/schedules/change.ts'
import { createSchedule } from '../../../operations/schedules/create.ts'
import { deleteSchedule } from '../../../operations/schedules/delete.ts'
import { findSchedule } from '../../../operations/schedules/schedule.ts'
import type { Stores } from '../../../store/db/stores.ts'
import type {
  ScheduleInput as StoredInput,
  ScheduleRun as StoredRun,
  StoredSchedule,
} from '../../../store/inventory/schedules.ts'
import type { ServerParts } from '../../context.ts'
import { describePatch } from '../../http/bodies/patches.ts'
import { IfMatch, revisionOf, versionTag } from '../../http/etags.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Schedule, ScheduleInput, ScheduleParams, SchedulePatch, ScheduleReplacement, ScheduleRun } from './schemas.ts'

const shownTicks = 5

const patch = describePatch(SchedulePatch, ScheduleReplacement, { audit: { vantages: null, reason: 'quarterly' } })

export const scheduleRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'scheduler'>> = async (app, { scheduler }) => {
  const fieldsOf = ({
    id: _id,
    version: _version,
    targetScope: _targetScope,
    nextAt,
    ...schedule
  }: StoredSchedule): Omit<Static<typeof Schedule>, 'requestedByName'> => ({
    ...(schedule as StoredInput & Pick<StoredSchedule, 'requestedBy' | 'createdAt' | 'updatedAt'> as Omit<
      Static<typeof Schedule>,
      'requestedByName'
    >),
    next: nextAt ? scheduler.next(schedule, scheduler.now(), shownTicks).map((tick) => tick.toISOString()) : [],
  })
  const showAll = (stores: Stores, schedules: readonly StoredSchedule[]) =>
    withActorNames(stores, schedules.map(fieldsOf), ['requestedBy'])
  const respond = async (reply: FastifyReply, schedule: StoredSchedule) => {
    const [shown] = await showAll(reply.request.view.stores, [schedule])
    return reply.header('etag', versionTag(schedule)).send(shown)
  }

  app.get(
    '/schedules',
    {
      config: { scope: ['reports:read', 'audits:run'], limited: true },
      schema: {
        operationId: 'listSchedules',
        tags: ['schedules'],
        summary: 'List schedules',
        description: 'Ordered by name.',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Schedule), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.schedules.list(query)
      return linkNext(reply, url, { ...page, items: await showAll(view.stores, page.items) })
    },
  )

  app.post(
    '/schedules',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'createSchedule',
        tags: ['schedules'],
        summary: 'Create a schedule',
        description: 'Responds 409 if the name is in use.',
        headers: Type.Object(IdempotencyKey),
        body: ScheduleInput,
        response: { 201: Schedule, ...problems(409, 413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const schedule = await createSchedule({ ...view, scheduler }, body, requester)
      return respond(reply.code(201).header('location', `/v1/schedules/${body.name}`), schedule)
    },
  )

  app.get(
    '/schedules/:name',
    {
      config: { scope: ['reports:read', 'audits:run'], limited: true },
      schema: {
        operationId: 'getSchedule',
        tags: ['schedules'],
        summary: 'Get a schedule',
        description: 'The schedule with its next five ticks.',
        params: ScheduleParams,
        response: { 200: Schedule, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => respond(reply, await findSchedule(view.stores, params.name)),
  )

  app.put(
    '/schedules/:name',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'replaceSchedule',
        tags: ['schedules'],
        summary: 'Create or replace a schedule',
        description: 'Sets all fields; an omitted field gets its default.',
        params: ScheduleParams,
        headers: IfMatch,
        body: ScheduleReplacement,
        response: { 200: Schedule, 201: Schedule, ...problems(412, 413, 415, 422) },
      },
    },
    async ({ params: { name }, body, headers, caller, view }, reply) => {
      const parts = { ...view, scheduler }
      const { schedule, created } = await replaceSchedule(parts, { ...body, name }, revisionOf(caller, headers))
      return respond(reply.code(created ? 201 : 200), schedule)
    },
  )

  app.patch(
    '/schedules/:name',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'updateSchedule',
        tags: ['schedules'],
        summary: 'Update a schedule',
        description: '`{"enabled": false}` pauses the schedule, `{"enabled": true}` resumes it.',
        params: ScheduleParams,
        headers: IfMatch,
        body: patch.body,
        response: { 200: Schedule, ...problems(404, 412, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { params, headers, caller, view } = request
      const update = { name: params.name, change: patch.changeOf<Omit<StoredInput, 'name'>>(request) }
      return respond(reply, await updateSchedule({ ...view, scheduler }, update, revisionOf(caller, headers)))
    },
  )

  app.delete(
    '/schedules/:name',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'deleteSchedule',
        tags: ['schedules'],
        summary: 'Delete a schedule',
        description: 'The compliance report keeps the outcomes of its ticks.',
        params: ScheduleParams,
        response: { 204: Type.Null({ description: 'Deleted' }), ...problems(404) },
      },
    },
    async ({ params, caller, view }, reply) => {
      await deleteSchedule({ ...view, scheduler }, params.name, caller.keyId)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/schedules/:name/runs',
    {
      config: { scope: ['reports:read', 'audits:run'], limited: true },
      schema: {
        operationId: 'listScheduleRuns',
        tags: ['schedules'],
        summary: 'List the runs of a schedule',
        description: 'The outcomes of its ticks, newest first.',
        params: ScheduleParams,
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(ScheduleRun), ...problems(404) },
      },
    },
    async ({ params, query, url, view: { stores } }, reply) => {
      const page = await stores.schedules.runs((await findSchedule(stores, params.name)).id, query)
      return linkNext(reply, url, { ...page, items: page.items.map(showRun) })
    },
  )
}

const showRun = ({ dueAt, decidedAt, auditId, ...run }: StoredRun) => ({
  ...run,
  dueAt: dueAt.toISOString(),
  audit: auditId,
  decidedAt: decidedAt.toISOString(),
})
