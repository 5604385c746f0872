import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { findDraftEffect, findStoredEffect } from '../../../operations/exceptions/effect.ts'
import { findWaiver } from '../../../operations/exceptions/waiver.ts'
import { problems } from '../../openapi/responses.ts'
import { EffectQuery, ExceptionEffect, WaiverDraft, WindowDraft } from './effect-schemas.ts'
import { WaiverParams, WindowParams } from './schemas.ts'

const description =
  'The targets, the rules with their ports, the findings that change, and the standing of the policy without and with it. Judges stored facts and sends no packet.'

/** What windows and waivers change, before they are requested and before they are decided. */
export const effectRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/windows/effect',
    {
      config: { scope: ['reports:read', 'audits:run', 'windows:approve'], limited: true },
      schema: {
        operationId: 'previewWindow',
        tags: ['windows'],
        summary: 'Preview a window',
        description: `${description} Nothing is requested.`,
        body: WindowDraft,
        response: { 200: ExceptionEffect, ...problems(413, 415, 422) },
      },
    },
    async ({ body: { limit, ...draft }, view: { stores, now } }) =>
      findDraftEffect(stores, { ...draft, kind: 'window' }, { now: now(), limit }),
  )

  app.get(
    '/windows/:id/effect',
    {
      config: { scope: ['reports:read', 'audits:run', 'windows:approve'], limited: true },
      schema: {
        operationId: 'getWindowEffect',
        tags: ['windows'],
        summary: 'Get the effect of a window',
        description,
        params: WindowParams,
        querystring: EffectQuery,
        response: { 200: ExceptionEffect, ...problems(404) },
      },
    },
    async ({ params: { id }, query: { limit }, view: { stores, now } }) => {
      const window = await stores.windows.find(id)
      if (!window) throw new NotFoundError(`there is no window ${id}`)
      return findStoredEffect(stores, { ...window, kind: 'window' }, { now: now(), limit })
    },
  )

  app.post(
    '/waivers/effect',
    {
      config: { scope: ['reports:read', 'audits:run', 'waivers:approve'], limited: true },
      schema: {
        operationId: 'previewWaiver',
        tags: ['waivers'],
        summary: 'Preview a waiver',
        description: `${description} Nothing is requested.`,
        body: WaiverDraft,
        response: { 200: ExceptionEffect, ...problems(413, 415, 422) },
      },
    },
    async ({ body: { limit, ...draft }, view: { stores, now } }) =>
      findDraftEffect(stores, { ...draft, kind: 'waiver' }, { now: now(), limit }),
  )

  app.get(
    '/waivers/:id/effect',
    {
      config: { scope: ['reports:read', 'audits:run', 'waivers:approve'], limited: true },
      schema: {
        operationId: 'getWaiverEffect',
        tags: ['waivers'],
        summary: 'Get the effect of a waiver',
        description,
        params: WaiverParams,
        querystring: EffectQuery,
        response: { 200: ExceptionEffect, ...problems(404) },
      },
    },
    async ({ params: { id }, query: { limit }, view: { stores, now } }) =>
      findStoredEffect(stores, { ...(await findWaiver(stores, id)), kind: 'waiver' }, { now: now(), limit }),
  )
}
