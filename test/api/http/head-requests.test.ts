import { Readable } from 'node:stream'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { serveHeadRequests } from '../../../src/api/http/head-requests.ts'

test('HEAD reads nothing of what GET streams', async () => {
  const read = { HEAD: 0, GET: 0 }
  const app = fastify()
  serveHeadRequests(app)
  app.get('/export', ({ method }, reply) => {
    const reading = method as keyof typeof read
    const pieces = function* () {
      while (read[reading] < 1_000) {
        read[reading] += 1
        yield 'a piece\n'
      }
    }
    return reply.header('etag', '"a"').type('text/csv').send(Readable.from(pieces()))
  })
  const { statusCode, headers, body } = await app.inject({ method: 'HEAD', url: '/export' })
  expect([statusCode, headers.etag, headers['content-type'], body]).toEqual([200, '"a"', 'text/csv', ''])
  await app.inject('/export') // by now anything that HEAD started to read would have been read
  expect(read).toEqual({ HEAD: 0, GET: 1_000 })
  await app.close()
})
