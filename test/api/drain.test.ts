import { once } from 'node:events'
import http from 'node:http'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeWithin } from '../../src/api/drain.ts'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

test('an answer that its reader never ends does not keep the service from closing', async () => {
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
  const asked = http.get(`${url}/endless`)
  const [answer] = (await once(asked, 'response')) as [http.IncomingMessage]
  const cut = new Promise((resolve) => answer.on('error', () => {}).on('close', resolve))
  await closeWithin(service.server, 1_000) // without the limit this test runs into its timeout
  answer.resume()
  await cut
  expect(answer.complete).toBe(false)
})
