import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { connect as connectClear } from 'node:net'
import { text } from 'node:stream/consumers'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renewTls } from '../../../src/api/http/listener.ts'
import { type Authority, type Certificate, createAuthority } from '../../support/certificates.ts'
import { startService, type TestService } from '../../support/service.ts'

let authority: Authority
let first: Certificate
let service: TestService
let port: number
beforeAll(async () => {
  authority = await createAuthority('Portwarden Service CA')
  first = await authority.issue({ commonName: 'first', subjectAltName: 'IP:127.0.0.1' })
  service = await startService({
    working: false,
    env: { PORTWARDEN_TLS_CERT: first.certPath, PORTWARDEN_TLS_KEY: first.keyPath },
  })
  port = Number(new URL(await service.listen()).port)
})
afterAll(() => service.stop())

async function handshake(options: ConnectionOptions = {}) {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.ca, ...options })
  try {
    await once(socket, 'secureConnect')
    return { version: socket.getProtocol(), name: String(socket.getPeerCertificate().subject.CN) }
  } catch (error) {
    return { error: String((error as NodeJS.ErrnoException).code) }
  } finally {
    socket.destroy()
  }
}

describe('with a certificate', () => {
  test('requests come over TLS, and only so', async () => {
    const received = Promise.withResolvers<{ status?: number; headers: IncomingHttpHeaders; body: string }>()
    request({ host: '127.0.0.1', port, path: '/livez', ca: authority.ca, agent: false }, async (response) => {
      received.resolve({ status: response.statusCode, headers: response.headers, body: await text(response) })
    }).end()
    expect(await received.promise).toMatchObject({
      status: 200,
      headers: { 'strict-transport-security': 'max-age=31536000' },
      body: expect.stringContaining('"ok"'),
    })
    const clear = connectClear(port, '127.0.0.1')
    clear.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await text(clear).catch(() => '')).not.toContain('200 OK')
  })

  test.each(['TLSv1.3', 'TLSv1.2'] as const)('%s is taken', async (version) => {
    expect(await handshake({ minVersion: version, maxVersion: version })).toMatchObject({ version })
  })

  test.each(['TLSv1.1', 'TLSv1'] as const)('%s is refused', async (version) => {
    const old = { minVersion: version, maxVersion: version, ciphers: 'ALL@SECLEVEL=0' } as const
    expect(await handshake(old)).toMatchObject({ error: expect.stringMatching(/PROTOCOL_VERSION|ECONNRESET/) })
  })

  test('a renewed one is shown to new connections without a restart', async () => {
    expect(await handshake()).toMatchObject({ name: 'first' })
    renewTls(service.server.server, await authority.issue({ commonName: 'second', subjectAltName: 'IP:127.0.0.1' }))
    expect(await handshake()).toMatchObject({ name: 'second' })
  })
})
