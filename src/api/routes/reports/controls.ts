import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { RefusedError } from '../../../domain/errors.ts'
import { verdicts } from '../../../domain/findings/verdict.ts'
import { controlsOf, frameworksOf, untestedReasons } from '../../../domain/policy/controls.ts'
import { severities } from '../../../domain/policy/policy.ts'
import { controlColumns, controlRows } from '../../../report/listings/columns.ts'
import { formatOf, listingContent, sendWhole } from '../../listing/listing.ts'
import { closedObject, nullable, problems, Timestamp, unchanged } from '../../openapi/schemas.ts'
import { readStanding, Standing, StandingQuery, showGroup } from './compliance.ts'

const { oldestObservation, newestObservation, ...sums } = Standing

export const Control = Type.Object(
  {
    framework: Type.String({ examples: ['PCI-DSS-4.0.1'] }),
    control: Type.String({ examples: ['1.2.5'] }),
    title: nullable(Type.String({ description: 'In short; null for a control that is not known here' })),
    verdict: Type.Enum([...verdicts], {
      description:
        'Of what the rules test: a control asks for more than ports. `pass` only where all that applies was tested',
    }),
    ...sums,
    rules: Type.Array(
      Type.Object({
        ...{ policy: Type.String(), version: Type.Integer(), rule: Type.String(), title: Type.String() },
        severity: Type.Enum([...severities]),
        ...sums,
        oldestObservation,
        newestObservation,
      }),
    ),
    notTested: Type.Array(
      Type.Object({
        policy: Type.String(),
        rule: Type.String(),
        why: Type.Enum([...untestedReasons], {
          description: '`never-audited`: nothing was known of the rule then; else a result',
        }),
        count: nullable(Type.Integer({ minimum: 1, description: 'Of targets and vantages' })),
      }),
      { description: 'What is not proven either way' },
    ),
  },
  { $id: 'Control', title: 'Control', description: 'A control of a framework, and what rules show of it' },
)

export const ControlReport = Type.Object(
  { at: Timestamp, items: Type.Array(Control) },
  { $id: 'ControlReport', title: 'ControlReport', description: 'Controls at a moment, by framework and number' },
)

export const controlRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/controls',
    {
      config: { scope: 'reports:read', limited: true, etag: true },
      schema: {
        operationId: 'getControlReport',
        tags: ['reports'],
        summary: 'Get the control report',
        description:
          'Each control that a rule names, with its rules, their results as of `at`, and what was not tested. CSV has a line for each rule of each control.',
        querystring: closedObject({
          framework: Type.Optional(
            Type.String({ maxLength: 100, description: 'As rules name it', examples: ['NIST-800-53'] }),
          ),
          ...StandingQuery,
        }),
        response: { 200: listingContent(ControlReport, Control), ...unchanged, ...problems(406, 422) },
      },
    },
    async (request, reply) => {
      const { compliance } = request.view.stores
      const { at, filter } = readStanding(request.query)
      const groups = await compliance.groups(at, { by: 'rule' }, filter)
      const known = groups.map(showGroup).map(({ group, ...standing }) => ({ ...standing, rule: group }))
      const { framework } = request.query
      const items = controlsOf(await compliance.rules(at, filter), known, framework)
      // A name that is mistyped must not look like a framework of which nothing is in scope.
      if (framework !== undefined && items.length === 0)
        checkFramework(framework, frameworksOf(await compliance.rules(new Date(), {})))
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
