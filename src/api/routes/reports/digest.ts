import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { findDigest } from '../../../operations/digests/find-digest.ts'
import { isEverything } from '../../../store/query/target-scope.ts'
import type { ServerParts } from '../../context.ts'
import { labelsOf } from '../../listing/labels.ts'
import { readPeriod } from '../../listing/period.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { Digest, DigestQuery } from './schemas/digest.ts'

const dayMs = 86_400_000

export const digestRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'scheduler'>> = async (app, { scheduler }) => {
  app.get(
    '/reports/digest',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getDigest',
        tags: ['reports'],
        summary: 'Get the digest of a period',
        description:
          'What the webhook event `digest.daily` says, of any period: changes, what is not known and why, what ends soon, and missed runs. Without a digest before `to` the period is the day before it. Absent vantages are left out for keys that are limited to targets.',
        querystring: DigestQuery,
        response: { 200: Digest, ...unchanged, ...problems(422) },
      },
    },
    async ({ query, view, caller }) => {
      const { stores, now } = view
      const { policy, label } = query
      const to = query.to === undefined ? now() : new Date(query.to)
      const from =
        query.from === undefined
          ? ((await stores.digests.endBefore(to)) ?? new Date(to.getTime() - dayMs))
          : new Date(query.from)
      readPeriod({ from: from.toISOString(), to: to.toISOString() })
      const filter = {
        ...(policy === undefined ? {} : { policies: [policy] }),
        ...(label.length > 0 ? { labels: labelsOf(label) } : {}),
      }
      return findDigest(stores, {
        ...{ from, to, now: now(), filter, nextTicks: scheduler.next },
        withVantages: isEverything(caller.targetScope),
      })
    },
  )
}
