import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { driftCauses, driftClasses } from '../../domain/drift.ts'
import { RefusedError } from '../../domain/errors.ts'
import type { Moment } from '../../store/history.ts'
import { closedObject, nullable, problems, Reason, Result, ref, State, Timestamp } from '../schemas.ts'
import type { ServerParts } from '../server.ts'
import { FieldChange } from './history.ts'

const Side = nullable(Type.Object({ result: Result, state: State, reason: ref(Reason) }))
const count = Type.Integer({ minimum: 0 })

export const DriftReport = Type.Object(
  {
    from: Timestamp,
    to: Timestamp,
    summary: Type.Object(
      Object.fromEntries(driftClasses.map((name) => [name, count])) as Record<
        (typeof driftClasses)[number],
        typeof count
      >,
    ),
    items: Type.Array(
      Type.Object({
        class: Type.Enum([...driftClasses]),
        cause: Type.Enum([...driftCauses]),
        target: Type.String(),
        rule: Type.String(),
        vantage: Type.String(),
        at: Timestamp,
        before: Side,
        after: Side,
        changes: Type.Array(ref(FieldChange)),
      }),
    ),
  },
  { $id: 'DriftReport', title: 'DriftReport', description: 'What differs between two moments' },
)

const MomentText = Type.String({
  maxLength: 100,
  description: 'An RFC 3339 time, or `audit:ID`',
  examples: ['2026-11-22T02:00:00Z'],
})

export const driftRoutes: FastifyPluginAsyncTypebox<ServerParts> = async (app, { stores }) => {
  app.get(
    '/reports/drift',
    {
      schema: {
        operationId: 'getDriftReport',
        tags: ['reports'],
        summary: 'What changed between two moments',
        description:
          'Between two audits, exactly what they found is compared; between two times, what was known then of every series.',
        querystring: closedObject({ from: MomentText, to: MomentText }),
        response: { 200: ref(DriftReport), ...problems(422) },
      },
    },
    async ({ query }) => {
      const ends = [await readMoment('from', query.from), await readMoment('to', query.to)] as const
      const items = await stores.history.drift(ends[0].moment, ends[1].moment)
      const summary = Object.fromEntries(
        driftClasses.map((name) => [name, items.filter((item) => item.class === name).length]),
      )
      return {
        from: ends[0].at.toISOString(),
        to: ends[1].at.toISOString(),
        summary: summary as Record<(typeof driftClasses)[number], number>,
        items,
      }
    },
  )

  async function readMoment(field: string, text: string): Promise<{ moment: Moment; at: Date }> {
    const auditId = /^audit:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(text)?.[1]
    const at = auditId ? await stores.history.momentOf(auditId) : readTime(text)
    if (at) return { moment: auditId ? { auditId } : { time: at }, at }
    const message = auditId
      ? `there is no audit ${auditId}`
      : 'must be an RFC 3339 time such as 2026-11-22T02:00:00Z, or audit:ID'
    throw new RefusedError([{ pointer: `/${field}`, message }], 'query')
  }
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i

function readTime(text: string): Date | undefined {
  const time = new Date(text)
  return rfc3339.test(text) && !Number.isNaN(time.getTime()) ? time : undefined
}
