import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../domain/errors.ts'
import { linkNext } from '../links.ts'
import {
  closedObject,
  nullable,
  PageQuery,
  pageOf,
  problems,
  Reason,
  Result,
  ref,
  State,
  Timestamp,
} from '../schemas.ts'
import type { ServerParts } from '../server.ts'
import { Evidence } from './findings.ts'
import { TargetName } from './targets.ts'

export const FieldChange = Type.Object(
  {
    path: Type.String({ description: 'JSON Pointer', examples: ['/evidence/addresses/10.0.0.5/state'] }),
    before: Type.Unknown({ description: 'Null where the field was absent' }),
    after: Type.Unknown({ description: 'Null where the field is absent' }),
  },
  { $id: 'FieldChange', title: 'FieldChange' },
)

export const Span = Type.Object(
  {
    rule: Type.String(),
    vantage: Type.String(),
    result: Result,
    state: State,
    reason: ref(Reason),
    evidence: nullable(ref(Evidence)),
    from: Timestamp,
    to: nullable(Type.String({ format: 'date-time', description: 'Null while it lasts' })),
    changes: Type.Array(ref(FieldChange), { description: 'What differs from the span before' }),
  },
  {
    $id: 'Span',
    title: 'Span',
    description: 'A stretch of time in which a rule, seen from a vantage, did not change for the target',
  },
)

export const historyRoutes: FastifyPluginAsyncTypebox<ServerParts> = async (app, { stores }) => {
  app.get(
    '/targets/:name/history',
    {
      schema: {
        operationId: 'getTargetHistory',
        tags: ['targets'],
        summary: 'The spans of a target, newest first',
        description: 'A retired target still has its history.',
        params: closedObject({ name: TargetName }),
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(ref(Span)), ...problems(404) },
      },
    },
    async ({ params, query, url }, reply) => {
      const target = await stores.targets.findAny(params.name)
      if (!target) throw new NotFoundError(`there is no target ${params.name}`)
      return linkNext(reply, url, await stores.history.spans(target.id, query))
    },
  )
}
