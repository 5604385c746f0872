import { Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compressResponses, minBytes } from '../../../src/api/http/compression.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
  const targets = Array.from({ length: 300 }, (_, i) => ({ name: `host-${i}`, address: '127.0.0.1' }))
  await service.stores.targets.save(targets)
})
afterAll(() => service?.stop())

const decoders = { br: brotliDecompressSync, gzip: gunzipSync, none: (bytes: Buffer) => bytes }
const get = async (url: string, coding: keyof typeof decoders = 'none', headers: Record<string, string> = {}) => {
  const authorization = `Bearer ${service.key}`
  const accepted = coding === 'none' ? {} : { 'accept-encoding': coding }
  const response = await service.server.inject({ url, headers: { authorization, ...accepted, ...headers } })
  const isCoded = response.headers['content-encoding'] !== undefined
  return {
    status: response.statusCode,
    headers: response.headers,
    bytes: response.rawPayload.length,
    text: String(isCoded ? decoders[coding](response.rawPayload) : response.rawPayload),
  }
}

describe.each(['/v1/targets?limit=200', '/v1/targets?format=csv', '/v1/targets?format=ndjson', '/v1/targets?all=true'])(
  '%s',
  (url) => {
    test.each(['br', 'gzip'] as const)('is compressed with %s for a client that accepts it', async (coding) => {
      const [plain, coded] = [await get(url), await get(url, coding)]
      expect([coded.headers['content-encoding'], coded.text]).toEqual([coding, plain.text])
      expect(coded.bytes).toBeLessThan(plain.bytes / 3)
      for (const { headers } of [plain, coded]) expect(headers.vary).toContain('accept-encoding')
      if (coded.headers['content-length']) expect(coded.headers['content-length']).toBe(String(coded.bytes))
    })

    test('is sent as it is to a client that says nothing', async () => {
      const { headers } = await get(url)
      expect(headers['content-encoding']).toBeUndefined()
    })
  },
)

test('an ETag is that of the coding, and is known again with every coding', async () => {
  const url = '/v1/targets?limit=200'
  const [plain, coded] = [await get(url), await get(url, 'br')]
  expect(plain.bytes).toBeGreaterThan(minBytes)
  expect(coded.headers.etag).toBe(String(plain.headers.etag).replace(/"$/, '-br"'))
  for (const etag of [plain, coded].map(({ headers }) => String(headers.etag)))
    for (const coding of ['br', 'gzip', 'none'] as const)
      expect((await get(url, coding, { 'if-none-match': etag })).status).toBe(304)
})

test('HEAD has the headers of GET', async () => {
  for (const url of ['/v1/targets?limit=200', '/v1/targets?format=csv']) {
    const headers = { authorization: `Bearer ${service.key}`, 'accept-encoding': 'br' }
    const head = await service.server.inject({ method: 'HEAD', url, headers })
    const full = await service.server.inject({ url, headers })
    for (const name of ['content-encoding', 'vary', 'content-length', 'content-type'])
      expect([name, head.headers[name]]).toEqual([name, full.headers[name]])
    expect(head.rawPayload.length).toBe(0)
  }
})

test('small responses are sent as they are', async () => {
  expect((await get('/v1/me', 'br')).headers['content-encoding']).toBeUndefined()
})

describe('of a response', () => {
  const big = JSON.stringify({ secret: 'x'.repeat(10 * minBytes) })
  const respond = async (headers: Record<string, string>, payload: string | Buffer | Readable = big) => {
    const app = fastify()
    compressResponses(app)
    app.get('/', async (_request, reply) => reply.headers(headers).send(payload))
    const response = await app.inject({ url: '/', headers: { 'accept-encoding': 'br, gzip' } })
    await app.close()
    return response.headers['content-encoding']
  }

  test.each<[string, Record<string, string>, string | undefined]>([
    ['JSON', { 'content-type': 'application/json; charset=utf-8' }, 'br'],
    ['problem details', { 'content-type': 'application/problem+json' }, 'br'],
    ['XML', { 'content-type': 'application/xml' }, 'br'],
    ['HTML', { 'content-type': 'text/html; charset=utf-8' }, 'br'],
    ['SARIF', { 'content-type': 'application/sarif+json' }, 'br'],
    ['a secret', { 'content-type': 'application/json', 'cache-control': 'no-store' }, undefined],
    ['events', { 'content-type': 'text/event-stream' }, undefined],
    ['an archive', { 'content-type': 'application/zip' }, undefined],
    ['what is compressed already', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 'gzip'],
  ])('%s the coding is as it must be', async (_, headers, coding) => {
    expect(await respond(headers)).toBe(coding)
  })
})

test('the responses with secrets are those that are never compressed', async () => {
  const made = [
    await service.call('POST', '/v1/keys', { body: { name: 'x', scopes: ['reports:read'] } }),
    await service.call('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:9/', events: ['audit.completed'] } }),
    await service.call('GET', '/v1/callback-secret'),
  ]
  made.push(await service.call('POST', `/v1/webhooks/${made[1]?.body.id}/rotate-secret`, { body: {} }))
  for (const { headers, body } of made) {
    expect(JSON.stringify(body)).toMatch(/pw_[0-9a-f]{12}_|whsec_/)
    expect(headers['cache-control']).toBe('no-store')
  }
})

test('a stream that fails is cut off, and a client that leaves ends its source', async () => {
  const app = fastify()
  compressResponses(app)
  let source = new Readable()
  const endless = () => {
    source = Readable.from(
      (function* () {
        for (;;) yield `${Math.random()}\n`.repeat(1_000)
      })(),
    )
    return source
  }
  const failing = () =>
    Readable.from(
      (function* () {
        yield 'a line\n'.repeat(10_000)
        throw new Error('the source fails')
      })(),
    )
  app.get('/endless', async (_request, reply) => reply.type('text/csv').send(endless()))
  app.get('/failing', async (_request, reply) => reply.type('text/csv').send(failing()))
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await expect(fetch(`${url}/failing`).then((response) => response.text())).rejects.toThrow()
  const leaving = new AbortController()
  const response = await fetch(`${url}/endless`, { signal: leaving.signal })
  await response.body?.getReader().read()
  leaving.abort()
  await expect.poll(() => source.destroyed).toBe(true)
  await app.close()
})
