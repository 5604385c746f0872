import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RefusedError } from '../../../domain/errors.ts'
import { type ControlStanding, controlsOf, frameworksOf } from '../../../domain/policy/controls.ts'
import { controlColumns, controlRows } from '../../../report/listings/columns.ts'
import { formatOf, listingContent, sendWhole } from '../../listing/listing.ts'
import { exampleOf } from '../../openapi/examples.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { readStanding, showGroup } from './compliance.ts'
import { Control, ControlQuery, ControlReport } from './schemas/controls.ts'

export const controlRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/controls',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getControlReport',
        tags: ['reports'],
        summary: 'Get the control report',
        description:
          'Each control that a rule names, with its rules, their results at `at`, and what was not tested. CSV has one row for each rule of each control.',
        querystring: ControlQuery,
        response: {
          200: listingContent(
            ControlReport,
            Control,
            controlColumns,
            controlRows([exampleOf(Control) as ControlStanding]),
          ),
          ...unchanged,
          ...problems(406, 422),
        },
      },
    },
    async (request, reply) => {
      const { compliance } = request.view.stores
      const now = request.view.now()
      const { at, filter } = readStanding(request.query, now)
      const groups = await compliance.groups(at, { by: 'rule' }, filter)
      const known = groups.map(showGroup).map(({ group, ...standing }) => ({ ...standing, rule: group }))
      const { framework } = request.query
      const items = controlsOf(await compliance.rules(at, filter), known, framework)
      // A mistyped name must not pass for a framework without controls in scope.
      if (framework !== undefined && items.length === 0)
        checkFramework(framework, frameworksOf(await compliance.rules(now, {})))
      const format = formatOf(request)
      if (format === 'json') return { at: at.toISOString(), items }
      if (format === 'ndjson') return sendWhole(reply, format, { name: 'controls', columns: {}, items })
      return sendWhole(reply, format, { name: 'controls', columns: controlColumns, items: controlRows(items) })
    },
  )
}

function checkFramework(framework: string, named: readonly string[]): void {
  if (named.includes(framework)) return
  const message = `no rule names a control of ${framework}: there are ${named.join(', ')}`
  throw new RefusedError([{ pointer: '/framework', message }], 'query')
}
