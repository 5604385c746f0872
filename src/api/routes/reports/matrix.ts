import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { labelsOf } from '../../listing/labels.ts'
import { linkNext } from '../../listing/links.ts'
import { fetchAt } from '../../listing/point-in-time.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { MatrixQuery, MatrixReport } from './schemas/matrix.ts'

export const matrixRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/matrix',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getMatrixReport',
        tags: ['reports'],
        summary: 'Get the matrix of targets and rules',
        description:
          'Result and state of every rule from every vantage for every target at a point in time, two characters each. `GET /v1/findings` has the evidence.',
        querystring: MatrixQuery,
        response: { 200: MatrixReport, ...unchanged, ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const { policy, label, q, result, disagree, ages, order } = query
      const filter = {
        ...(policy === undefined ? {} : { policy }),
        ...(label.length > 0 ? { labels: labelsOf(label) } : {}),
        ...(q === undefined ? {} : { text: q }),
        ...(result === undefined ? {} : { result }),
        disagree,
      }
      const fetchPage = (at: Date, page: { cursor?: string; limit: number }) =>
        view.stores.matrix.page(at, filter, { ...page, order, ages })
      return linkNext(reply, url, await fetchAt(query, view.now(), fetchPage))
    },
  )
}
