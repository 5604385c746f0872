import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ConflictError, RefusedError } from '../../../domain/errors.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { readPeriod } from '../../listing/period.ts'
import { problems } from '../../openapi/responses.ts'
import { pageOf } from '../../openapi/schemas.ts'
import { LedgerEntry, LedgerHead, LedgerQuery, LedgerVerification, maxPart, VerificationQuery } from './schemas.ts'

/** Auditors may read it. It covers all targets, so limited keys may not. */
const config = { scope: 'reports:read' } as const

export const ledgerRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/ledger',
    {
      config,
      schema: {
        operationId: 'listLedger',
        tags: ['ledger'],
        summary: 'List ledger entries',
        description: 'Newest first.',
        querystring: LedgerQuery,
        response: { 200: pageOf(LedgerEntry), ...problems(422) },
      },
    },
    async ({ query: { from, to, ...query }, url, view: { stores } }, reply) => {
      const page = await stores.ledger.list({ ...query, ...readPeriod({ from, to }) })
      return linkNext(reply, url, { ...page, items: await withActorNames(stores, page.items, ['actor']) })
    },
  )

  app.get(
    '/ledger/head',
    {
      config,
      schema: {
        operationId: 'getLedgerHead',
        tags: ['ledger'],
        summary: 'Get the head of the ledger',
        description: 'The signed end of the chain; a copy outside the service reveals a truncation.',
        response: { 200: LedgerHead, ...problems(409) },
      },
    },
    async ({ view }) => {
      const head = await view.stores.ledger.head()
      if (!head) throw new ConflictError('the ledger is empty, which it never is by itself')
      return head
    },
  )

  app.get(
    '/ledger/verify',
    {
      config,
      schema: {
        operationId: 'verifyLedger',
        tags: ['ledger'],
        summary: 'Verify the ledger',
        description: `Reports the first broken entry. One request checks at most ${maxPart.entries} entries, and with \`findings=true\` fewer once it has read ${maxPart.findings} findings; \`next\` continues. \`npm run ledger -- verify\` checks the whole ledger.`,
        querystring: VerificationQuery,
        response: { 200: LedgerVerification, ...problems(422) },
      },
    },
    async ({ query: { from, limit, head: text, findings }, view: { stores } }) => {
      const head = text === undefined ? undefined : stores.ledger.readHead(text)
      if (text !== undefined && !head)
        throw new RefusedError([{ pointer: '/head', message: 'was not signed by the key that it names' }], 'query')
      const found = await stores.ledger.verify({ from, limit, head, findings: findings ? maxPart.findings : undefined })
      if (!found) throw new RefusedError([{ pointer: '/from', message: 'is behind the end of the ledger' }], 'query')
      return found
    },
  )
}
