import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeWithin } from '../../../src/api/http/drain.ts'
import { createAuthority } from '../../support/certificates.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

test('a response without an end does not keep the service from closing', async () => {
  service.server.get('/endless', (_, reply) =>
    reply.send(
      Readable.from(
        (function* () {
          for (;;) yield 'x'.repeat(65_536)
        })(),
      ),
    ),
  )
  const url = await service.listen()
  const request = http.get(`${url}/endless`)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const cut = new Promise((resolve) => response.on('error', () => {}).on('close', resolve))
  await closeWithin(service.server, 1_000) // without the limit this test runs into its timeout
  response.resume()
  await cut
  expect(response.complete).toBe(false)
})

describe('a connection without a request does not keep the service from closing', () => {
  test.each([
    ['nothing', ''],
    ['half a request', 'GET /livez HTTP/1.1\r\nHost: '],
  ])('where %s came, in clear', async (_, said) => {
    const one = await startService({ working: false })
    Object.assign(one.server.server, { headersTimeout: 0, requestTimeout: 0 }) // else Node itself would cut it soon
    const silent = connect(Number(new URL(await one.listen()).port), '127.0.0.1')
    await once(one.server.server, 'connection')
    silent.on('error', () => {}).write(said)
    const cut = once(silent.resume(), 'close')
    await one.stop() // without the cut this test runs into its timeout
    await cut
  })

  test('also over TLS; a request in flight gets its response', async () => {
    const { certPath, keyPath } = await (await createAuthority('Drain CA')).selfSign({
      commonName: 'drain',
      subjectAltName: 'IP:127.0.0.1',
    })
    const one = await startService({
      working: false,
      env: { PORTWARDEN_TLS_CERT: certPath, PORTWARDEN_TLS_KEY: keyPath },
    })
    const requested = Promise.withResolvers<void>()
    const closing = Promise.withResolvers<void>()
    one.server.get('/late', async () => {
      requested.resolve()
      await closing.promise
      return 'late'
    })
    const port = Number(new URL(await one.listen()).port)
    const open = async () => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }).on('error', () => {})
      await once(socket, 'secureConnect')
      return socket
    }
    const [silent, busy] = [await open(), await open()]
    busy.write('GET /late HTTP/1.1\r\nHost: a\r\n\r\n')
    await requested.promise
    const cut = once(silent.resume(), 'close')
    const received = text(busy)
    const closed = one.stop()
    await cut // by now everything was cut that is cut
    closing.resolve()
    expect(await received).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nlate$/)
    await closed
  })
})
