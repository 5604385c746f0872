import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RefusedError } from '../../../domain/errors.ts'
import { resolveParameters } from '../../../domain/policy/parameters.ts'
import { findTargets } from '../../../operations/audits/select-targets.ts'
import { previewPolicy } from '../../../operations/policies/preview.ts'
import { checkPolicy } from '../../../policies/load.ts'
import { problems } from '../../openapi/responses.ts'
import { PolicyPreview, PolicyPreviewRequest } from './schemas.ts'

export const previewRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/policies/preview',
    {
      config: { scope: 'reports:read', limited: true },
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
    async ({ body, view: { stores } }) => {
      const checked = checkPolicy(body.document)
      if ('errors' in checked) {
        throw new RefusedError(
          checked.errors.map(({ pointer, message }) => ({ pointer: `/document${pointer}`, message })),
        )
      }
      const { document } = checked
      const targets = Array.isArray(body.targets)
        ? await findTargets(stores, body.targets)
        : await stores.targets.findByLabels(body.targets.labels)
      const issues = targets.flatMap((target) => {
        const resolved = resolveParameters(document, { target: target.params })
        return 'errors' in resolved ? resolved.errors.map((error) => ({ ...error, target: target.name })) : []
      })
      if (issues.length > 0) {
        throw new RefusedError(
          issues.map(({ target, parameter, message }) => ({
            pointer: '/targets',
            message: `target ${target}: ${parameter} ${message}`,
          })),
        )
      }
      return previewPolicy(stores, { document, targets, now: new Date() })
    },
  )
}
