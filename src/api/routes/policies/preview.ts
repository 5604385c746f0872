import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { RefusedError } from '../../../domain/errors.ts'
import { resolveParameters } from '../../../domain/policy/parameters.ts'
import { findTargets } from '../../../operations/audits/select-targets.ts'
import { previewPolicy } from '../../../operations/policies/preview.ts'
import { checkPolicy } from '../../../policies/load.ts'
import { Counts, closedObject, nullable, problems, Reason, Result, State } from '../../openapi/schemas.ts'
import { TargetName } from '../targets/schemas.ts'

const PreviewRequest = closedObject(
  {
    document: Type.Unknown({ description: 'A policy document' }),
    targets: Type.Union([
      Type.Array(TargetName, { minItems: 1, maxItems: 20_000, uniqueItems: true }),
      closedObject({ labels: Type.Record(Type.String(), Type.String(), { maxProperties: 50 }) }),
    ]),
  },
  { $id: 'PolicyPreviewRequest' },
)
const Preview = Type.Object(
  {
    counts: Counts,
    items: Type.Array(
      Type.Object({
        target: Type.String(),
        rule: Type.String(),
        vantage: Type.String(),
        before: nullable(Result),
        after: nullable(
          Type.Object(
            { result: Result, state: State, reason: Type.Unsafe<string>(Reason.properties.code) },
            { description: 'Null where the draft would say nothing any more' },
          ),
        ),
      }),
      { description: 'What would change' },
    ),
  },
  { $id: 'PolicyPreview' },
)

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
          'No packet is sent: facts fit where a probe of the same kind looked at the same endpoint from the same vantage. What has no such facts would be `unknown`.',
        body: PreviewRequest,
        response: { 200: Preview, ...problems(413, 415, 422) },
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
