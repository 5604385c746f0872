import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { previewPolicy } from '../../../operations/policies/preview.ts'
import { problems } from '../../openapi/responses.ts'
import { readDraft } from './draft.ts'
import { PolicyPreview, PolicyPreviewRequest } from './schemas.ts'

export const previewRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/policies/preview',
    {
      config: { scope: 'reports:read', limited: true, maxValues: 150_000 },
      schema: {
        operationId: 'previewPolicy',
        tags: ['policies'],
        summary: 'Preview a policy',
        description:
          'Judges a draft against stored facts and sends no packet. Facts are reused if the same kind of probe observed the same endpoint from the same vantage; without such facts the result is `unknown`.',
        body: PolicyPreviewRequest,
        response: { 200: PolicyPreview, ...problems(413, 415, 422) },
      },
    },
    async ({ body: { document: draft, targets, limit }, view: { stores, now } }) => {
      const document = await readDraft(stores, draft)
      return previewPolicy(stores, { document, targets, now: now(), limit })
    },
  )
}
