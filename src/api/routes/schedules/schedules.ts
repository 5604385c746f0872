import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { v7 as newUuid } from 'uuid'
import { ConflictError, NotFoundError } from '../../../domain/errors.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import type {
  ScheduleInput as StoredInput,
  ScheduleRun as StoredRun,
  StoredSchedule,
} from '../../../store/inventory/schedules.ts'
import type { ServerParts, View } from '../../context.ts'
import { IfMatch, matches, stale, versionTag } from '../../http/etags.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Schedule, ScheduleInput, ScheduleParams, SchedulePatch, ScheduleReplacement, ScheduleRun } from './schemas.ts'

const shownTicks = 5

export const scheduleRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'scheduler'>> = async (app, parts) => {
  const { scheduler } = parts

  const find = async ({ stores }: View, wanted: string) => {
    const schedule = await stores.schedules.find(wanted)
    if (!schedule) throw new NotFoundError(`there is no schedule ${wanted}`)
    return schedule
  }
  const show = ({
    id: _id,
    version: _version,
    targetScope: _realm,
    nextAt,
    ...schedule
  }: StoredSchedule): Static<typeof Schedule> => ({
    ...(schedule as StoredInput & Pick<StoredSchedule, 'requestedBy' | 'createdAt' | 'updatedAt'> as Static<
      typeof Schedule
    >),
    next: nextAt ? scheduler.next(schedule, new Date(), shownTicks).map((tick) => tick.toISOString()) : [],
  })
  const answer = (reply: FastifyReply, schedule: StoredSchedule) =>
    reply.header('etag', versionTag(schedule)).send(show(schedule))
  const firstTick = (input: StoredInput, now: Date) =>
    input.enabled ? (scheduler.next(input, now, 1)[0] ?? null) : null

  /** Writes a change; ticks that came before it are decided as the schedule was. */
  const change = async (
    { stores, transaction }: View,
    current: StoredSchedule,
    { input, requestedBy }: { input: StoredInput; requestedBy: string },
  ) => {
    const now = new Date()
    await scheduler.check(stores.within(current.targetScope), input, now)
    await scheduler.settle(current.id, now)
    const sameTimes =
      current.enabled === input.enabled && current.cron === input.cron && current.timeZone === input.timeZone
    const { nextAt = null } = (sameTimes && (await stores.schedules.find(current.name))) || {}
    const more = { requestedBy, nextAt: sameTimes ? nextAt : firstTick(input, now), version: current.version }
    return transaction(async (tx) => {
      const saved = await tx.schedules.replace(current.id, input, more)
      if (saved)
        tx.ledger.record({ actor: requestedBy, action: 'schedule.change', subject: input.name, payload: input })
      return saved
    })
  }

  app.get(
    '/schedules',
    {
      config: { scope: ['reports:read', 'audits:run'], limited: true },
      schema: {
        operationId: 'listSchedules',
        tags: ['schedules'],
        summary: 'List schedules',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Schedule), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.schedules.list(query)
      return linkNext(reply, url, { ...page, items: page.items.map(show) })
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
        headers: Type.Object(IdempotencyKey),
        body: ScheduleInput,
        response: { 201: Schedule, ...problems(409, 413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const now = new Date()
      await scheduler.check(view.stores, body, now)
      const schedule = await view.transaction(async (tx) => {
        const resource = newUuid()
        const claim = { idempotencyKey: headers['idempotency-key'], requestedBy: caller.keyId, request: body, resource }
        const repeated = (await claimOnce(tx, claim)) !== resource
        const more = { requestedBy: caller.keyId, nextAt: firstTick(body, now) }
        const made = repeated ? await tx.schedules.find(body.name) : await tx.schedules.create(body, more)
        if (!made) throw new ConflictError(`there is a schedule ${body.name} already: PUT replaces it`)
        if (!repeated)
          tx.ledger.record({ actor: caller.keyId, action: 'schedule.create', subject: body.name, payload: body })
        return made
      })
      return answer(reply.code(201).header('location', `/v1/schedules/${body.name}`), schedule)
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
        params: ScheduleParams,
        response: { 200: Schedule, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => answer(reply, await find(view, params.name)),
  )

  app.put(
    '/schedules/:name',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'replaceSchedule',
        tags: ['schedules'],
        summary: 'Create or replace a schedule',
        params: ScheduleParams,
        headers: IfMatch,
        body: ScheduleReplacement,
        response: { 200: Schedule, 201: Schedule, ...problems(412, 413, 415, 422) },
      },
    },
    async ({ params, body, headers, caller, view }, reply) => {
      const { stores, transaction } = view
      const input = { ...body, name: params.name }
      const current = await stores.schedules.find(params.name)
      if (!matches(headers['if-match'], current)) return stale(reply)
      if (current) {
        const saved = await change(view, current, { input, requestedBy: caller.keyId })
        return saved ? answer(reply, saved) : stale(reply)
      }
      const now = new Date()
      await scheduler.check(stores, input, now)
      const more = { requestedBy: caller.keyId, nextAt: firstTick(input, now) }
      const made = await transaction(async (tx) => {
        const added = await tx.schedules.create(input, more)
        if (added)
          tx.ledger.record({ actor: caller.keyId, action: 'schedule.create', subject: input.name, payload: input })
        return added
      })
      return made ? answer(reply.code(201), made) : stale(reply)
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
        body: SchedulePatch,
        response: { 200: Schedule, ...problems(404, 412, 413, 415, 422) },
      },
    },
    async ({ params, body, headers, caller, view }, reply) => {
      const current = await find(view, params.name)
      if (!matches(headers['if-match'], current)) return stale(reply)
      const {
        id: _,
        version: _v,
        targetScope: _l,
        requestedBy: _r,
        nextAt: _n,
        createdAt: _c,
        updatedAt: _u,
        ...fields
      } = current
      const saved = await change(view, current, { input: { ...fields, ...body }, requestedBy: caller.keyId })
      return saved ? answer(reply, saved) : stale(reply)
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
      const { id } = await find(view, params.name)
      await scheduler.settle(id, new Date())
      await view.transaction(async (tx) => {
        await tx.schedules.remove(id)
        tx.ledger.record({ actor: caller.keyId, action: 'schedule.delete', subject: params.name, payload: {} })
      })
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
        params: ScheduleParams,
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(ScheduleRun), ...problems(404) },
      },
    },
    async ({ params, query, url, view }, reply) => {
      const page = await view.stores.schedules.runs((await find(view, params.name)).id, query)
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
