import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { searchLimit } from '../../../store/search/search.ts'
import { problems } from '../../openapi/responses.ts'
import { SearchQuery, SearchResults } from './schemas.ts'

export const searchRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/search',
    {
      config: { scope: 'reports:read', limited: true, replica: true },
      schema: {
        operationId: 'search',
        tags: ['search'],
        summary: 'Search',
        description:
          'Finds targets, tickets, audits, findings, rules and certificates by a part of a name or the beginning of an id, as they are now.',
        querystring: SearchQuery,
        response: { 200: SearchResults, ...problems() },
      },
    },
    async ({ query: { q }, view }) => {
      const { search, certificates: certificateStore } = view.stores
      const text = q.trim()
      const [targets, tickets, audits, findings, rules, certificates] = await Promise.all([
        search.targets(text),
        search.tickets(text),
        search.audits(text),
        search.findings(text),
        search.rules(text),
        certificateStore.page(view.now(), { text }, { limit: searchLimit }),
      ])
      return {
        targets,
        tickets: tickets.map(({ lastAt, ...ticket }) => ({ ...ticket, lastAt: lastAt.toISOString() })),
        audits: audits.map(({ createdAt, ...audit }) => ({ ...audit, createdAt: createdAt.toISOString() })),
        findings,
        rules,
        certificates: certificates.items.map(({ sha256, subject, notAfter, targets }) => ({
          ...{ sha256, subject, notAfter, targets },
        })),
      }
    },
  )
}
